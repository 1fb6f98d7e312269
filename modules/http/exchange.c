/* exchange.c - one HTTP exchange: its options, its callbacks, its limits.
**
** Callbacks run inside libcurl: they keep bytes, count, and break off by their return value with `end` saying why.
*/
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine.h"

#define KEPT_BUFFER ((size_t)64 * 1024) /* a larger buffer is given back when its exchange is over */
#define CONNECTION_AGE 55L              /* seconds that a connection may be idle: less than servers commonly allow */

/* ---- bytes ------------------------------------------------------------------------------------ */

static bool bytes_reserve(bytes *b, size_t more) {
  size_t need = b->used + more, room = b->room ? b->room : 1024;
  if (need <= b->room) return true;
  while (room < need) room *= 2;
  char *at = realloc(b->at, room);
  if (!at) return false;
  b->at = at;
  b->room = room;
  return true;
}

static bool bytes_add(bytes *b, const char *from, size_t length) {
  if (!bytes_reserve(b, length)) return false;
  memcpy(b->at + b->used, from, length);
  b->used += length;
  return true;
}

static void bytes_reset(bytes *b) {
  b->used = 0;
  if (b->room <= KEPT_BUFFER) return;
  free(b->at);
  *b = (bytes){0};
}

/* ---- callbacks -------------------------------------------------------------------------------- */

static bool starts_with(const char *text, size_t length, const char *with) {
  size_t n = strlen(with);
  return length >= n && memcmp(text, with, n) == 0;
}

static size_t break_off(exchange *x, ending why) {
  x->end = why;
  return 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *user) {
  exchange *x = user;
  size_t length = size * count;
  x->moved = uv_now(x->timer.loop);
  x->header_total += length;
  if (x->header_total > HEADER_LIMIT) return break_off(x, ENDED_BY_HEADER_LIMIT);
  if (x->header_done) return length; /* a trailer: it must not pass for a header */
  if (starts_with(line, length, "HTTP/")) {
    long status = 0; /* libcurl has parsed this line already */
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 100 || status > 999) return break_off(x, ENDED_BY_STATUS); /* libcurl counts on past three digits */
    x->status = (int)status;
    x->header.used = 0; /* what came before was interim */
    return length;
  }
  if (line[0] == '\r' || line[0] == '\n') {
    x->header_done = x->status >= 200;
    x->collecting = x->header_done && x->order.streaming && x->status < 300;
    return length;
  }
  if (!bytes_add(&x->header, line, length)) return break_off(x, ENDED_BY_MEMORY);
  return length;
}

/* The length that the answer announces, before decompression; 0: none. */
static uint64_t announced(const exchange *x) {
  curl_off_t length = -1;
  curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return length > 0 ? (uint64_t)length : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
  exchange *x = user;
  size_t length = size * count;
  x->moved = uv_now(x->timer.loop);
  if (x->collecting && x->body.used && x->body.used + length > STREAM_WINDOW) {
    x->paused = true;
    return CURL_WRITEFUNC_PAUSE; /* libcurl keeps `data` and offers it again */
  }
  if (x->body_total == 0) {
    uint64_t expected = announced(x);
    if (x->order.limited && expected > x->order.max_body) return break_off(x, ENDED_BY_BODY_LIMIT);
    if (!x->collecting && expected && expected < KEPT_BUFFER) bytes_reserve(&x->body, (size_t)expected);
  }
  x->body_total += length;
  if (x->order.limited && x->body_total > x->order.max_body) return break_off(x, ENDED_BY_BODY_LIMIT);
  if (!bytes_add(&x->body, data, length)) return break_off(x, ENDED_BY_MEMORY);
  if (x->collecting) x->wake(x->owner);
  return length;
}

static size_t on_send(char *to, size_t size, size_t count, void *user) {
  exchange *x = user;
  size_t left = x->order.body_length - x->body_sent;
  size_t length = size * count < left ? size * count : left;
  x->moved = uv_now(x->timer.loop);
  if (length) memcpy(to, x->order.body + x->body_sent, length);
  x->body_sent += length;
  return length;
}

/* libcurl wants to send the body again, because a kept connection died under it. By then the server may have acted:
** only a request that may be repeated is. */
static int on_rewind(void *user, curl_off_t offset, int origin) {
  exchange *x = user;
  if (!x->order.repeatable || origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->order.body_length)
    return CURL_SEEKFUNC_FAIL;
  x->body_sent = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

/* ---- options ---------------------------------------------------------------------------------- */

bool exchange_init(exchange *x) {
  CURL *easy = x->easy;
  CURLcode code = CURLE_OK;
#define SET(option, value)                                                                                             \
  if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value)
  SET(CURLOPT_PRIVATE, x);
  SET(CURLOPT_ERRORBUFFER, x->error);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, x);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, x);
  SET(CURLOPT_READFUNCTION, on_send);
  SET(CURLOPT_READDATA, x);
  SET(CURLOPT_SEEKFUNCTION, on_rewind);
  SET(CURLOPT_SEEKDATA, x);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L); /* redirects are decided where the request's secrets are known */
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_PATH_AS_IS, 1L); /* a signed path goes out as it was signed */
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_MAXAGE_CONN, CONNECTION_AGE);
  SET(CURLOPT_QUICK_EXIT, 1L); /* cancelling does not wait for the resolver's thread */
#undef SET
  return code == CURLE_OK;
}

static CURLcode set_method(const exchange *x) {
  CURL *easy = x->easy;
  const char *method = x->order.method;
  bool post = strcmp(method, "POST") == 0;
  const char *custom = NULL;
  CURLcode code;
  if (x->order.posts) {
    code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->order.body_length);
    custom = post ? NULL : method;
  } else if (strcmp(method, "HEAD") == 0) {
    code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else {
    code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    custom = strcmp(method, "GET") == 0 ? NULL : method;
  }
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, custom) : code;
}

/* Who may vouch for a server: ca_file alone, or else whom the engine trusts. */
static CURLcode set_authorities(exchange *x) {
  const char *file = x->order.ca_file, *folder = NULL;
  CURLcode code;
  if (!file && x->usual_authorities) return CURLE_OK;
  x->usual_authorities = !file;
  if (!file) engine_authorities(x->home, &file, &folder);
  code = curl_easy_setopt(x->easy, CURLOPT_CAINFO, file);
  if (code == CURLE_OK) code = curl_easy_setopt(x->easy, CURLOPT_CAPATH, folder);
  if (code == CURLE_OK) code = curl_easy_setopt(x->easy, CURLOPT_PROXY_CAINFO, file);
  if (code == CURLE_OK) code = curl_easy_setopt(x->easy, CURLOPT_PROXY_CAPATH, folder);
  return code;
}

/* Whoever says what encodings they accept gets the body as it is sent: what is stored compressed is wanted so. */
static bool has_own_encodings(const struct curl_slist *headers) {
  static const char name[] = "Accept-Encoding:";
  for (; headers; headers = headers->next)
    if (strncasecmp(headers->data, name, sizeof name - 1) == 0) return true;
  return false;
}

CURLcode exchange_prepare(exchange *x, const order *what) {
  CURL *easy = x->easy;
  CURLcode code;
  x->order = *what;
  /* An empty body leaves nothing to rewind, so on_rewind is not asked: such a request gets a connection of its own. */
  bool fresh = !what->repeatable && what->body_length == 0;
  /* A body for a sink is paused and goes on. libcurl 7.88 forgets that now and then over HTTP/2 (8 of 800 downloads beside
  ** other requests stalled), so it has a connection of its own and HTTP/1.1. */
  long version = what->streaming ? (long)CURL_HTTP_VERSION_1_1 : (long)CURL_HTTP_VERSION_2TLS;
  code = curl_easy_setopt(easy, CURLOPT_URL, what->url);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long)what->streaming);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, what->headers);
  /* "": all that libcurl was built with */
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, has_own_encodings(what->headers) ? NULL : "");
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PROXY, what->proxy);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)(fresh || what->streaming));
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)what->connect_timeout_ms);
  if (code == CURLE_OK) code = set_method(x);
  if (code == CURLE_OK) code = set_authorities(x);
  return code;
}

void exchange_reset(exchange *x) {
  bytes_reset(&x->header);
  bytes_reset(&x->body);
  x->order = (order){0};
  x->body_sent = 0;
  x->header_total = 0;
  x->body_total = 0;
  x->status = 0;
  x->header_done = x->collecting = x->paused = false;
  x->end = ENDED_BY_CURL;
  x->code = CURLE_OK;
  x->error[0] = '\0';
}

/* ---- limits ----------------------------------------------------------------------------------- */

/* Sending has not begun: the name, the connection or the TLS handshake is still to come. */
static bool connecting(const exchange *x) {
  curl_off_t ready = 0;
  if (x->header_total) return false;
  curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
  return ready == 0;
}

uint64_t exchange_due(const exchange *x, uint64_t now, ending *why) {
  struct {
    uint64_t from, limit;
    ending why;
  } limits[] = {
      {x->began, x->order.timeout_ms, ENDED_BY_DEADLINE},
      {x->began, x->order.connect_timeout_ms, ENDED_BY_CONNECT},
      {x->moved, x->order.idle_timeout_ms, ENDED_BY_IDLE},
  };
  uint64_t due = UINT64_MAX;
  if (!connecting(x)) limits[1].limit = 0;
  if (x->paused) limits[2].limit = 0; /* it is the script that takes its time */
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    if (limits[i].limit == 0) continue;
    uint64_t passed = now > limits[i].from ? now - limits[i].from : 0;
    uint64_t left = passed < limits[i].limit ? limits[i].limit - passed : 0;
    if (left >= due) continue;
    due = left;
    *why = limits[i].why;
  }
  /* A pause ends without the timer's knowledge: look again after the time that it allows. */
  if (x->paused && x->order.idle_timeout_ms && due > x->order.idle_timeout_ms) due = x->order.idle_timeout_ms;
  return due;
}

bool exchange_resume(exchange *x) {
  if (!x->paused) return true;
  x->paused = false; /* first: the pause may be asked for again before the call returns */
  x->moved = engine_now(x->home);
  return curl_easy_pause(x->easy, CURLPAUSE_CONT) == CURLE_OK;
}

const char *exchange_phase(const exchange *x) {
  curl_off_t resolved = 0;
  long port = 0;
  if (x->header_done) return "receiving the body";
  if (x->header_total) return "receiving the header";
  if (!connecting(x)) return x->body_sent < x->order.body_length ? "sending the body" : "waiting for the answer";
  curl_easy_getinfo(x->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
  curl_easy_getinfo(x->easy, CURLINFO_LOCAL_PORT, &port); /* CURLINFO_CONNECT_TIME is only told after the handshake */
  if (resolved == 0) return "resolving the name";
  return port == 0 ? "connecting" : "in the TLS handshake";
}

/* http.c - the peer of bench/http.lua: the same requests, in C on libcurl's multi interface and libuv, as one would write
** it by hand for speed: easy handles are made once and used again, and libcurl is called without a timer's delay.
**
** http URL REQUESTS AT_ONCE [CA_FILE]   prints the seconds that the requests took, after AT_ONCE that are not counted
** http --delay PORT SECONDS             serves on that port: answers every request after that time
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <uv.h>

static void check(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "http: %s\n", what);
  exit(1);
}

/* ---- client -------------------------------------------------------------------------------------- */

typedef struct client {
  uv_loop_t *loop;
  CURLM *multi;
  uv_timer_t timer;
  uv_idle_t kick;
  long to_start, to_finish;
} client;

typedef struct request {
  CURL *easy;
  char *body, *header;
  size_t body_length, header_length;
  char error[CURL_ERROR_SIZE];
} request;

typedef struct watch {
  uv_poll_t poll;
  client *client;
  curl_socket_t socket;
} watch;

static size_t keep(char **at, size_t *used, const char *data, size_t length) {
  *at = realloc(*at, *used + length);
  check(*at != NULL, "out of memory");
  memcpy(*at + *used, data, length);
  *used += length;
  return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
  request *r = user;
  return keep(&r->body, &r->body_length, data, size * count);
}

static size_t on_header(char *data, size_t size, size_t count, void *user) {
  request *r = user;
  return keep(&r->header, &r->header_length, data, size * count);
}

static void start(client *c, request *r) {
  c->to_start--;
  r->body_length = r->header_length = 0;
  curl_multi_add_handle(c->multi, r->easy);
}

static void drive(client *c, curl_socket_t socket, int events) {
  int running, left;
  CURLMsg *message;
  curl_multi_socket_action(c->multi, socket, events, &running);
  while ((message = curl_multi_info_read(c->multi, &left))) {
    request *r;
    long status = 0;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    check(code == CURLE_OK && status == 200 && r->body_length > 0, r->error);
    curl_multi_remove_handle(c->multi, r->easy);
    c->to_finish--;
    if (c->to_start > 0) start(c, r);
  }
  if (c->to_finish == 0) uv_stop(c->loop);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  watch *w = poll->data;
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  drive(w->client, w->socket, flags);
}

static void on_timer(uv_timer_t *timer) {
  drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(uv_idle_t *kick) {
  uv_idle_stop(kick);
  drive(kick->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long ms, void *user) {
  client *c = user;
  (void)multi;
  uv_timer_stop(&c->timer);
  uv_idle_stop(&c->kick);
  if (ms == 0) uv_idle_start(&c->kick, on_kick);
  if (ms > 0) uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
  return 0;
}

static void watch_closed(uv_handle_t *handle) {
  free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known) {
  client *c = user;
  watch *w = known;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    curl_multi_assign(c->multi, socket, NULL);
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, watch_closed);
    return 0;
  }
  if (!w) {
    w = calloc(1, sizeof *w);
    check(w != NULL, "out of memory");
    uv_poll_init_socket(c->loop, &w->poll, socket);
    w->poll.data = w;
    w->client = c;
    w->socket = socket;
    curl_multi_assign(c->multi, socket, w);
  }
  uv_poll_start(&w->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0), on_poll);
  return 0;
}

static request *request_new(const char *url, const char *ca_file) {
  request *r = calloc(1, sizeof *r);
  check(r != NULL, "out of memory");
  r->easy = curl_easy_init();
  curl_easy_setopt(r->easy, CURLOPT_URL, url);
  curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
  curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error);
  curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
  curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
  curl_easy_setopt(r->easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "bench");
  curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, 30000L);
  if (ca_file) curl_easy_setopt(r->easy, CURLOPT_CAINFO, ca_file);
  return r;
}

static void run(client *c, request **all, long at_once, long requests) {
  c->to_start = c->to_finish = requests;
  for (long i = 0; i < at_once; i++) start(c, all[i]);
  uv_run(c->loop, UV_RUN_DEFAULT);
  check(c->to_finish == 0, "not all requests were answered");
}

static int run_client(const char *url, long requests, long at_once, const char *ca_file) {
  client c = {.loop = uv_default_loop()};
  curl_global_init(CURL_GLOBAL_DEFAULT);
  c.multi = curl_multi_init();
  uv_timer_init(c.loop, &c.timer);
  uv_idle_init(c.loop, &c.kick);
  c.timer.data = c.kick.data = &c;
  curl_multi_setopt(c.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(c.multi, CURLMOPT_SOCKETDATA, &c);
  curl_multi_setopt(c.multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(c.multi, CURLMOPT_TIMERDATA, &c);
  curl_multi_setopt(c.multi, CURLMOPT_MAXCONNECTS, 128L);
  request **all = calloc((size_t)at_once, sizeof(request *));
  check(all != NULL, "out of memory");
  for (long i = 0; i < at_once; i++) all[i] = request_new(url, ca_file);
  run(&c, all, at_once, at_once); /* makes the connections */
  uint64_t began = uv_hrtime();
  run(&c, all, at_once, requests);
  printf("%.6f\n", (double)(uv_hrtime() - began) / 1e9);
  return 0;
}

/* ---- server --------------------------------------------------------------------------------------- */

typedef struct visitor {
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_write_t write;
  size_t matched; /* of the empty line that ends a request */
} visitor;

static uint64_t delay_ms;
static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void visitor_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void timer_closed(uv_handle_t *handle) {
  uv_close((uv_handle_t *)&((visitor *)handle->data)->tcp, visitor_closed);
}

static void on_due(uv_timer_t *timer) {
  visitor *v = timer->data;
  uv_buf_t buffer = uv_buf_init(answer, sizeof answer - 1);
  uv_write(&v->write, (uv_stream_t *)&v->tcp, &buffer, 1, NULL);
}

static void on_space(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
  static char piece[64 * 1024];
  (void)handle, (void)wanted;
  *buffer = uv_buf_init(piece, sizeof piece);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  static const char end[] = "\r\n\r\n";
  visitor *v = stream->data;
  if (length < 0) {
    uv_read_stop(stream);
    uv_close((uv_handle_t *)&v->timer, timer_closed);
    return;
  }
  for (ssize_t i = 0; i < length; i++) {
    char c = buffer->base[i];
    v->matched = c == end[v->matched] ? v->matched + 1 : c == '\r';
    if (v->matched < 4) continue;
    v->matched = 0;
    uv_timer_start(&v->timer, on_due, delay_ms, 0);
  }
}

static void on_visit(uv_stream_t *listener, int status) {
  visitor *v = calloc(1, sizeof *v);
  check(status == 0 && v != NULL, "cannot accept");
  uv_tcp_init(listener->loop, &v->tcp);
  uv_timer_init(listener->loop, &v->timer);
  v->tcp.data = v->timer.data = v;
  check(uv_accept(listener, (uv_stream_t *)&v->tcp) == 0, "cannot accept");
  uv_tcp_nodelay(&v->tcp, 1);
  uv_read_start((uv_stream_t *)&v->tcp, on_space, on_read);
}

static int run_server(int port, long seconds) {
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t listener;
  struct sockaddr_in address;
  delay_ms = (uint64_t)(seconds * 1000);
  uv_tcp_init(loop, &listener);
  uv_ip4_addr("127.0.0.1", port, &address);
  check(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) == 0, "cannot bind");
  check(uv_listen((uv_stream_t *)&listener, 4096, on_visit) == 0, "cannot listen");
  return uv_run(loop, UV_RUN_DEFAULT);
}

static long number(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  check(*text != '\0' && *end == '\0' && value > 0, "a number is none");
  return value;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--delay") == 0) return run_server((int)number(argv[2]), number(argv[3]));
  check(argc == 4 || argc == 5, "usage: http URL REQUESTS AT_ONCE [CA_FILE] | http --delay PORT SECONDS");
  return run_client(argv[1], number(argv[2]), number(argv[3]), argc == 5 ? argv[4] : NULL);
}

/* failure.c - libcurl's codes, our limits and OpenSSL's verdicts as error objects.
**
** The kinds: http.resolve connect reset timeout tls truncated too_large protocol proxy. A message says what happened in
** plain words; libcurl's own text is used where it says more. None of it holds the query, a header or a body.
*/
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509_vfy.h>

#include "failure.h"

typedef struct report {
  bool retryable; /* the same request may well succeed a moment later */
  const char *hint;
} report;

/* Pushes an error object; the message in lua_pushfstring's notation. */
static void say(lua_State *L, const char *kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *message = lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  fl_error_push(L, kind, "%s", message);
  lua_remove(L, -2);
}

void failure_push_target(lua_State *L, const char *url) {
  const char *scheme_end = strstr(url, "://");
  const char *authority = scheme_end ? scheme_end + 3 : url;
  const char *at = authority + strcspn(authority, "@/?#");
  size_t length = strcspn(url, "?#");
  if (*at == '@') { /* a name and password: refused elsewhere, and not shown here either */
    lua_pushlstring(L, url, (size_t)(authority - url));
    lua_pushlstring(L, at + 1, strcspn(at + 1, "?#"));
    lua_concat(L, 2);
  } else {
    lua_pushlstring(L, url, length);
  }
}

/* host:port of a URL, for messages. */
static const char *push_authority(lua_State *L, const char *url) {
  const char *scheme_end = strstr(url, "://");
  const char *authority = scheme_end ? scheme_end + 3 : url;
  return lua_pushlstring(L, authority, strcspn(authority, "/?#"));
}

static const char *detail(const exchange *x) {
  return x->error[0] ? x->error : curl_easy_strerror(x->code);
}

static bool mentions(const exchange *x, const char *text) {
  return strstr(x->error, text) != NULL;
}

static bool has_proxy(const exchange *x) {
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"};
  if (x->order.proxy) return *x->order.proxy != '\0';
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (getenv(names[i])) return true;
  }
  return false;
}

/* libcurl names the machine that it failed to connect to: another one than the request's is a proxy. */
static bool failed_at_proxy(lua_State *L, const exchange *x) {
  static const char start[] = "Failed to connect to ";
  const char *name = strstr(x->error, start);
  if (!name || !has_proxy(x)) return false;
  name += sizeof start - 1;
  const char *authority = push_authority(L, x->order.url), *port = strrchr(authority, ':');
  if (port && strchr(port, ']')) port = NULL; /* a colon of an IPv6 address */
  size_t host = port ? (size_t)(port - authority) : strlen(authority);
  const char *said = strstr(name, " port ");
  if (*authority == '[') authority++, host -= 2; /* libcurl leaves the brackets out */
  bool same = said && (size_t)(said - name) == host && strncasecmp(name, authority, host) == 0;
  if (same && port) {
    size_t digits = strcspn(said + 6, " ");
    same = strlen(port + 1) == digits && strncmp(port + 1, said + 6, digits) == 0;
  }
  lua_pop(L, 1);
  return !same;
}

static report connect_failure(lua_State *L, const exchange *x) {
  long number = 0;
  curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
  const char *why = number ? strerror((int)number) : "no connection";
  if (failed_at_proxy(L, x)) {
    say(L, "http.proxy", "cannot reach the proxy: %s", detail(x));
    return (report){true, "check proxy=, HTTPS_PROXY and NO_PROXY"};
  }
  if (number == ECONNREFUSED) why = "connection refused";
  say(L, "http.connect", "%s by %s", why, push_authority(L, x->order.url));
  lua_remove(L, -2);
  return (report){true, "check that the service is running and that this machine may reach it"};
}

/* What OpenSSL holds against the server's certificate. */
static report tls_failure(lua_State *L, const exchange *x) {
  long verdict = X509_V_OK;
  const char *hint = NULL;
  curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
  const char *who = push_authority(L, x->order.url);
  if (x->code == CURLE_SSL_CACERT_BADFILE) {
    say(L, "http.tls", "the certificate authorities cannot be read from %s",
        x->order.ca_file ? x->order.ca_file : "the system's file");
    hint = "check ca_file=, SSL_CERT_FILE and SSL_CERT_DIR";
  } else if (mentions(x, "protocol version") || mentions(x, "unsupported protocol")) { /* OpenSSL's words */
    say(L, "http.tls", "no TLS connection with %s: it speaks no version of TLS from 1.2 on", who);
    hint = "older ones are not safe; whoever runs it has to allow a newer one";
  } else if (mentions(x, "wrong version number")) {
    say(L, "http.tls", "no TLS connection with %s: what it speaks is not TLS", who);
    hint = "check the port; is it an http:// address?";
  } else if (x->code != CURLE_PEER_FAILED_VERIFICATION) {
    say(L, "http.tls", "no TLS connection with %s: %s", who, detail(x));
  } else {
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      say(L, "http.tls", "the certificate of %s has expired", who);
      hint = "renew it, or check this machine's clock";
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      say(L, "http.tls", "the certificate of %s is not valid yet", who);
      hint = "check this machine's clock";
      break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      say(L, "http.tls", "the certificate of %s is self-signed: no known authority vouches for it", who);
      hint = "if it is meant to be trusted, name its authority with ca_file= or SSL_CERT_FILE";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      say(L, "http.tls", "the certificate of %s comes from an authority that is not known here", who);
      hint = "if it is meant to be trusted, name its authority with ca_file= or SSL_CERT_FILE";
      break;
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* the chain is good: libcurl itself found that the name is not */
      if (!mentions(x, "match")) {
        say(L, "http.tls", "the certificate of %s is refused: %s", who, detail(x));
        break;
      }
      say(L, "http.tls", "the certificate of %s is for another name", who);
      hint = "check the host's name in the URL";
      break;
    default: say(L, "http.tls", "the certificate of %s is refused: %s", who, X509_verify_cert_error_string(verdict));
    }
  }
  lua_remove(L, -2);
  return (report){false, hint};
}

static report timeout_failure(lua_State *L, const exchange *x, ending end) {
  uint64_t limit = x->order.timeout_ms;
  if (end == ENDED_BY_CONNECT) limit = x->order.connect_timeout_ms;
  if (end == ENDED_BY_IDLE) limit = x->order.idle_timeout_ms;
  char seconds[32];
  snprintf(seconds, sizeof seconds, "%.3g", (double)limit / 1000);
  say(L, "http.timeout", end == ENDED_BY_IDLE ? "nothing moved for %s s while %s" : "timed out after %s s while %s",
      seconds, exchange_phase(x));
  return (report){true, end == ENDED_BY_CONNECT ? "connect_timeout= says how long connecting may take" : NULL};
}

static report reset_failure(lua_State *L, const exchange *x) {
  bool answered = x->header_total > 0;
  say(L, "http.reset",
      answered ? "the connection broke while %s" : "the connection was closed before an answer came (%s)",
      exchange_phase(x));
  return (report){true,
                  x->order.repeatable ? NULL : "the request may have been carried out: look before sending it again"};
}

static report curl_failure(lua_State *L, const exchange *x) {
  long tunnel = 0;
  const char *who;
  curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
  if (tunnel >= 300) {
    say(L, "http.proxy", "the proxy refused a tunnel: status %d", (int)tunnel);
    return (report){false, tunnel == 407 ? "the proxy asks for a name and password"
                                         : "check proxy=, HTTPS_PROXY and NO_PROXY"};
  }
  switch (x->code) {
  case CURLE_COULDNT_RESOLVE_HOST:
    who = push_authority(L, x->order.url);
    say(L, "http.resolve", "the name of %s cannot be resolved", who);
    lua_remove(L, -2);
    return (report){true, "check the name, and this machine's DNS"};
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_PROXY:
    say(L, "http.proxy", "cannot use the proxy: %s", detail(x));
    return (report){true, "check proxy=, HTTPS_PROXY and NO_PROXY"};
  case CURLE_COULDNT_CONNECT: return connect_failure(L, x);
  case CURLE_OPERATION_TIMEDOUT: /* libcurl's own limit is that of connecting */
    return timeout_failure(L, x, ENDED_BY_CONNECT);
  case CURLE_SSL_CONNECT_ERROR:
    if (mentions(x, "SSL_ERROR_SYSCALL") || mentions(x, "Connection reset")) return reset_failure(L, x);
    return tls_failure(L, x);
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS: return tls_failure(L, x);
  case CURLE_PARTIAL_FILE:
    say(L, "http.truncated", "the answer ended early, after %I bytes of the body", (lua_Integer)x->body_total);
    return (report){true, NULL};
  case CURLE_RECV_ERROR:
    if (mentions(x, "chunked-encoding")) {
      say(L, "http.protocol", "%s", detail(x));
      return (report){false, NULL};
    }
    return reset_failure(L, x);
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_HTTP2_STREAM:
  case CURLE_SEND_FAIL_REWIND: return reset_failure(L, x);
  case CURLE_BAD_FUNCTION_ARGUMENT: /* libcurl says so of a header line that it cannot take apart */
    say(L, "http.protocol", "the answer's header is malformed");
    return (report){false, NULL};
  case CURLE_OUT_OF_MEMORY: /* libcurl says so of a header line that is longer than it reads, too */
    if (x->header_total > 0 && !x->header_done) {
      say(L, "http.too_large", "a line of the header is longer than 100 KiB");
      return (report){false, NULL};
    }
    say(L, "http.protocol", "out of memory while %s", exchange_phase(x));
    return (report){false, NULL};
  case CURLE_URL_MALFORMAT: say(L, "http.url", "the URL is malformed: %s", detail(x)); return (report){false, NULL};
  default: say(L, "http.protocol", "%s", detail(x)); return (report){false, NULL};
  }
}

void failure_push(lua_State *L, const exchange *x) {
  report r;
  luaL_checkstack(L, 8, "error object");
  switch (x->end) {
  case ENDED_BY_CURL: r = curl_failure(L, x); break;
  case ENDED_BY_BODY_LIMIT:
    say(L, "http.too_large", "the body is larger than max_body, %I bytes", (lua_Integer)x->order.max_body);
    r = (report){false, "raise max_body=, or take the body piece by piece with sink="};
    break;
  case ENDED_BY_HEADER_LIMIT:
    say(L, "http.too_large", "the header is larger than %d bytes", HEADER_LIMIT);
    r = (report){false, NULL};
    break;
  case ENDED_BY_STATUS:
    say(L, "http.protocol", "the answer's status is no number of three digits");
    r = (report){false, NULL};
    break;
  case ENDED_BY_MEMORY:
    say(L, "http.too_large", "no memory for the answer after %I bytes", (lua_Integer)x->body_total);
    r = (report){false, "take the body piece by piece with sink="};
    break;
  case ENDED_BY_ENGINE:
  case ENDED_BY_ABANDONING:
    say(L, "http.reset", "the transfer was given up because the HTTP engine failed");
    r = (report){true, NULL};
    break;
  default: r = timeout_failure(L, x, x->end);
  }
  lua_pushstring(L, x->order.method);
  lua_setfield(L, -2, "op");
  failure_push_target(L, x->order.url);
  lua_setfield(L, -2, "target");
  lua_pushboolean(L, r.retryable);
  lua_setfield(L, -2, "retryable");
  if (r.hint) {
    lua_pushstring(L, r.hint);
    lua_setfield(L, -2, "hint");
  }
}

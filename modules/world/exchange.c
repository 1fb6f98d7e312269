/* exchange.c - one request and its answer, as plain memory: libmicrohttpd's callbacks fill it, Lua reads it later. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

exchange *exchange_new(server *owner, struct MHD_Connection *connection, const char *target) {
  exchange *x = calloc(1, sizeof *x);
  if (x == NULL) return NULL;
  x->holders = 1;
  x->server = owner;
  x->connection = connection;
  x->target = strdup(target);
  if (x->target == NULL) {
    free(x);
    return NULL;
  }
  return x;
}

void exchange_release(exchange *x) {
  if (x == NULL || --x->holders > 0) return;
  for (size_t i = 0; i < x->header_count; i++) {
    free(x->headers[i].name);
    free(x->headers[i].value);
  }
  if (x->response != NULL) MHD_destroy_response(x->response);
  free(x->headers);
  free(x->method);
  free(x->target);
  free(x->version);
  free(x->body);
  free(x);
}

static bool add_header(exchange *x, const char *name, const char *value) {
  if (x->header_count == x->header_room) {
    size_t room = x->header_room == 0 ? 16 : 2 * x->header_room;
    pair *grown = realloc(x->headers, room * sizeof *grown);
    if (grown == NULL) return false;
    x->headers = grown;
    x->header_room = room;
  }
  pair *added = &x->headers[x->header_count];
  added->name = strdup(name);
  added->value = strdup(value != NULL ? value : "");
  x->header_count++; /* whatever was copied is given back with the exchange */
  return added->name != NULL && added->value != NULL;
}

static enum MHD_Result copy_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
  (void)kind;
  return add_header(context, name, value) ? MHD_YES : MHD_NO;
}

bool exchange_read_head(exchange *x, const char *method, const char *version) {
  int present = MHD_get_connection_values(x->connection, MHD_HEADER_KIND, NULL, NULL);
  x->method = strdup(method);
  x->version = strdup(version);
  if (x->method == NULL || x->version == NULL) return false;
  MHD_get_connection_values(x->connection, MHD_HEADER_KIND, copy_header, x);
  return (int)x->header_count == present;
}

bool exchange_append(exchange *x, const char *data, size_t length, size_t most) {
  if (x->too_large || length > most - x->body_length) {
    x->too_large = true;
    return true;
  }
  if (x->body_room - x->body_length < length) {
    size_t room = x->body_room == 0 ? 4096 : x->body_room;
    while (room - x->body_length < length) room *= 2;
    char *grown = realloc(x->body, room);
    if (grown == NULL) return false;
    x->body = grown;
    x->body_room = room;
  }
  memcpy(x->body + x->body_length, data, length);
  x->body_length += length;
  return true;
}

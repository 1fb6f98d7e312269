/* log.c - a document written down record by record, in memory that is Lua's in no way: see xml.h. */
#include "xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096

/* Room for `more` bytes; false, and `no_memory`, when there is none. */
static bool make_room(xml_log *log, size_t more) {
  if (log->no_memory) return false;
  if (more <= log->capacity - log->used) return true;
  size_t capacity = log->capacity ? log->capacity : FIRST_CAPACITY;
  while (capacity - log->used < more && capacity <= SIZE_MAX / 2) capacity *= 2;
  char *bytes = capacity - log->used < more ? NULL : realloc(log->bytes, capacity);
  if (bytes == NULL) {
    log->no_memory = true;
    return false;
  }
  log->bytes = bytes;
  log->capacity = capacity;
  return true;
}

static void append(xml_log *log, const void *bytes, size_t length) {
  if (length > 0) memcpy(log->bytes + log->used, bytes, length);
  log->used += length;
}

void xml_log_add(xml_log *log, record_kind kind, const char *bytes, size_t length) {
  xml_record record = {kind, length};
  if (length > SIZE_MAX - sizeof record || !make_room(log, sizeof record + length)) {
    log->no_memory = true;
    return;
  }
  log->text_grows = false;
  log->text_at = log->used;
  append(log, &record, sizeof record);
  append(log, bytes, length);
}

void xml_log_add_text(xml_log *log, const char *bytes, size_t length) {
  if (!log->text_grows) {
    xml_log_add(log, RECORD_TEXT, bytes, length);
    log->text_grows = !log->no_memory;
    return;
  }
  if (!make_room(log, length)) return;
  append(log, bytes, length);
  xml_record record;
  memcpy(&record, log->bytes + log->text_at, sizeof record); /* records are not aligned */
  record.length += length;
  memcpy(log->bytes + log->text_at, &record, sizeof record);
}

bool xml_log_read(const xml_log *log, size_t *offset, xml_record *record, const char **bytes) {
  if (*offset >= log->used) return false;
  memcpy(record, log->bytes + *offset, sizeof *record);
  *bytes = log->bytes + *offset + sizeof *record;
  *offset += sizeof *record + record->length;
  return true;
}

void xml_log_free(xml_log *log) {
  free(log->bytes);
  memset(log, 0, sizeof *log);
}

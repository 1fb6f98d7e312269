/* xml.h - what the parts of the module share: the log of a document.
**
** expat calls back from the middle of its work, where an error of Lua's (a longjmp) must not happen. So the callbacks
** only write down what they are told, one record after another, in plain memory; the tree is made from that afterwards.
*/
#ifndef FAIRLEAD_XML_H
#define FAIRLEAD_XML_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
  RECORD_START,     /* an element begins: `length` bytes of its name */
  RECORD_ATTRIBUTE, /* of the element that began last: its name; its value is the RECORD_TEXT that follows */
  RECORD_TEXT,      /* `length` bytes of text */
  RECORD_END        /* the element ends */
} record_kind;

typedef struct {
  record_kind kind;
  size_t length; /* of the bytes after the record */
} xml_record;

typedef struct {
  char *bytes;
  size_t used, capacity;
  size_t text_at;  /* offset of the record of the text that may still grow */
  bool text_grows; /* the last record is that one */
  bool no_memory;
} xml_log;

/* Writes a record down. On failure `no_memory` is set, and nothing more is written. */
void xml_log_add(xml_log *log, record_kind kind, const char *bytes, size_t length);

/* As xml_log_add of RECORD_TEXT; but what follows text directly is added to it. expat cuts text at will. */
void xml_log_add_text(xml_log *log, const char *bytes, size_t length);

/* Reads the record at `*offset` and moves that to the next. False at the end. */
bool xml_log_read(const xml_log *log, size_t *offset, xml_record *record, const char **bytes);

void xml_log_free(xml_log *log);

#endif

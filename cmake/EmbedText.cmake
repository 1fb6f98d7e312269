# cmake -DINPUT=file -DOUTPUT=file.c -DNAME=symbol -P EmbedText.cmake: a text file as a C array.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include <stddef.h>
extern const char ${NAME}[];
extern const size_t ${NAME}_length;
const char ${NAME}[] = {${bytes}0};
const size_t ${NAME}_length = sizeof ${NAME} - 1;
")

# cmake -DFROM=page.html -DTO=page.c -DNAME=report_page -P embed.cmake: a file's bytes as a C string
file(READ "${FROM}" bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(('.x..',){16})" "\\1\n    " bytes "${bytes}")
file(WRITE "${TO}" "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n    ${bytes}0};\n")

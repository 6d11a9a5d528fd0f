/* Wraps help texts for a terminal of 80 columns. */
#ifndef LMVR_CLI_WRAP_H
#define LMVR_CLI_WRAP_H

#define WRAP_WIDTH 80

/* Prints text from column `indent` on, wrapped between words, and ends the line. `column` is the cursor's current column, at
 * most `indent`. A newline in the text starts a new line. */
void wrap_print(const char *text, int column, int indent);

#endif

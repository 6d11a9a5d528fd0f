/* Help texts, wrapped for a terminal of 80 columns. */
#ifndef LMVR_CLI_WRAP_H
#define LMVR_CLI_WRAP_H

#define WRAP_WIDTH 80

/* Prints text from column `indent` on, between words, and ends the line. `column` is where the cursor is, at most `indent`.
 * A new line in the text begins a new one. */
void wrap_print(const char *text, int column, int indent);

#endif

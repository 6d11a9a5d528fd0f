/* What lies beside the program, wherever that was put. */
#ifndef LMVR_CLI_BESIDE_H
#define LMVR_CLI_BESIDE_H

/* The path of `relative`, seen from the folder of this program, whether it is there or not; to be freed. NULL: that folder
 * cannot be found, with errno. */
char *beside_program(const char *relative);

#endif

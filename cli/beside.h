/* Finds files installed with the program, wherever that is. */
#ifndef LMVR_CLI_BESIDE_H
#define LMVR_CLI_BESIDE_H

/* The path of `relative`, starting from this program's folder, whether it exists or not; to be freed. NULL: that folder cannot
 * be found; errno says why. */
char *beside_program(const char *relative);

#endif

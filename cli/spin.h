/* Limits how long OpenMP's threads busy-wait. */
#ifndef LMVR_CLI_SPIN_H
#define LMVR_CLI_SPIN_H

/* Makes OpenMP's threads spin only briefly before they sleep, unless the environment says how long. OpenMP reads the
 * environment before main(), so the program restarts itself, once. If it cannot, nothing changes. */
void spin_briefly(char **argv);

#endif

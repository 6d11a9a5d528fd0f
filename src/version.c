#include "lmvr.h"

const char *lmvr_version(void)
{
    return LMVR_VERSION;
}

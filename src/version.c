#include "lmvr.h"

const char *lmvr_version(void)
{
    return LMVR_VERSION;
}

int lmvr_abi_version(void)
{
    return LMVR_ABI_VERSION;
}

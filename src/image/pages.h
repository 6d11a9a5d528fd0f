/* Memory for pixels, in huge pages where the system has them: most of the time of writing it once goes into page faults. */
#ifndef LMVR_SRC_IMAGE_PAGES_H
#define LMVR_SRC_IMAGE_PAGES_H

#include <stddef.h>

/* Uninitialized, or zeros. Release with free(). NULL: out of memory. */
void *pages_alloc(size_t bytes);
void *pages_zeroed(size_t bytes);

#endif

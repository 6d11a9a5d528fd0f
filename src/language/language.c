#include "language/language.h"

void language_finish(struct language *language)
{
    if (language->operations)
        language->operations->free(language->model);
    *language = (struct language){0};
}

#include "connector/connector.h"

void connector_finish(struct connector *connector)
{
    if (connector->free)
        connector->free(connector->model);
    *connector = (struct connector){0};
}

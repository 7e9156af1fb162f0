#include "greeter.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

PLUGIN_KINDS(&greeter_kind);
PLUGIN("greeter", TEXT(GREETER_VERSION) ".0");

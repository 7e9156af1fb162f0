#pragma once
/* personal.h -- the kinds whose streams hold personal data, for the journal that seals it
 * (storage/crypt/journal_sealed.h). A kind whose `.def` has an EVENT with a field marked PERSONAL
 * or SECRET belongs here; a test looks. */

#include "storage/crypt/sealed_form.h"

extern const sealed_kind_t PERSONAL_KINDS[];
enum { PERSONAL_KIND_COUNT = 6 };

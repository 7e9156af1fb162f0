#pragma once
/* language.h -- what files call a language, as one value.
 *
 * Files say "eng", "en", "English", "en-US", "Deutsch" or "ger; fre". Each is the BCP 47 tag of the
 * language alone, without its country or script ("en", "de", "fr"), which a client has names for in
 * its user's language. "und" and the like are no language. What nothing is known of stays
 * as it was written. Data: languages.def.
 *
 * Threads  None: pure functions. Errors  NO_MEMORY. */

#include "runtime/base/buf.h"

enum { LANGUAGES_MAX = 8 }; /* that one value may name: further ones are left out */

/* The languages that a value names, each once. They borrow the value or live forever. */
err_t language_tags(str_t value, str_t out_tags[LANGUAGES_MAX], size_t *out_count);
/* In English; what is no tag of a known language as it stands. */
str_t language_name(str_t tag);

#pragma once
/* xml.h -- reads a small XML document that lies in memory, with expat.
 *
 * It takes no document type: with none there are no entities but the five of XML itself. Names of
 * elements and attributes come without their prefix.
 *
 * Errors   what a call returned, which ends the reading; INVALID: no such XML; NO_MEMORY.
 * Threads  None. */

#include "runtime/base/buf.h"

/* The text of an element comes in pieces. What is handed over is valid in the call only. */
typedef struct xml_calls {
    err_t (*begin)(void *context, str_t name);
    /* Of the element that began last. NULL: they are left out. */
    err_t (*attribute)(void *context, str_t name, str_t value);
    err_t (*end)(void *context, str_t name);
    err_t (*text)(void *context, str_t text);
} xml_calls_t;

err_t xml_read(str_t bytes, const xml_calls_t *calls, void *context);

#include "actors/personal.h"

#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "actors/protocol/playlist.h"
#include "actors/protocol/room.h"
#include "actors/protocol/session.h"
#include "actors/protocol/user.h"

#define RECORD(name, ...)
#define STATE(name, ...)
#define COMMAND(name, ...)
#define REPLY(name, ...)
#define MESSAGE(name, ...)
#define EVENT(name, ...) &name##_schema,

static const schema_t *const account_events[] = {
#include "actors/protocol/account.def"
    NULL};
static const schema_t *const accounts_events[] = {
#include "actors/protocol/accounts.def"
    NULL};
static const schema_t *const playlist_events[] = {
#include "actors/protocol/playlist.def"
    NULL};
static const schema_t *const room_events[] = {
#include "actors/protocol/room.def"
    NULL};
static const schema_t *const session_events[] = {
#include "actors/protocol/session.def"
    NULL};
static const schema_t *const user_events[] = {
#include "actors/protocol/user.def"
    NULL};

const sealed_kind_t PERSONAL_KINDS[] = {
    {ACCOUNT_KIND, true, account_events},    {ACCOUNTS_KIND, false, accounts_events},
    {PLAYLIST_KIND, false, playlist_events}, {ROOM_KIND, false, room_events},
    {SESSION_KIND, true, session_events},    {USER_KIND, true, user_events},
};
_Static_assert(COUNT_OF(PERSONAL_KINDS) == PERSONAL_KIND_COUNT, "the count in personal.h");

#include "actors/social/people/acting.h"

void acting_note(user_book_t *book, context_t *ctx, const user_acted_t *what, bool is_on)
{
    activities_t *activities = &book->activities;
    user_acted_t event = *what;
    uint64_t before = activities_find(activities, what->kind, what->track_id, what->object_id);
    if (before != 0)
        emit(ctx, user_act_dropped, .number = before);
    if (!is_on || !user_choices_is(&book->choices, STR("activity_shared"), STR("on")) ||
        activities_reserve(activities) != ERR_OK)
        return;
    activities_next(activities, &event);
    actor_emit(ctx, &user_acted_schema, &event);
}

err_t acting_list(const user_book_t *book, context_t *ctx, const user_get_activities_t *command)
{
    user_activity_t page[USER_ACTIVITIES_MAX];
    bool may_see = str_equal(command->user_id, context_key(ctx)) ||
                   links_has(&book->followers, command->user_id);
    uint32_t count = may_see
                         ? activities_page(&book->activities, command->until,
                                           MIN(command->first, (uint32_t)USER_ACTIVITIES_MAX), page)
                         : 0;
    return actor_reply(ctx, user_activities, .user_id = context_key(ctx),
                       .activities = {page, count});
}

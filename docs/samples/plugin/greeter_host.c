/* A program that loads the plugin: greeter_host FIRST.so [NEXT.so...]. Greets once with each, on
 * the same actor. */

#include "greeter.h"
#include "runtime/runtime.h"

#include <semaphore.h>
#include <stdio.h>

typedef struct greeting {
    runtime_t *runtime;
    sem_t done;
} greeting_t;

/* The plugin has tables of its own, maybe of another version: answer_as reads across. */
static void greeted(void *context, const answer_t *answer)
{
    greeting_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    const greeter_answer_t *greeting = answer_as(answer, greeter_answer, &arena);
    if (greeting == NULL)
        printf("no greeting: %s\n", err_text(answer->err));
    else
        printf("%.*s (%llu)\n", STR_ARG(greeting->text), (unsigned long long)greeting->greetings);
    sem_post(&self->done);
}

static void greet(void *context)
{
    greeting_t *self = context;
    edge_ask(runtime_edge(self->runtime, 0), address_of("greeter", STR("front door")), 1000,
             STR(""), greeted, self, greeter_hello, .name = STR("Ada"));
}

static void greet_and_wait(runtime_t *runtime)
{
    greeting_t greeting = {.runtime = runtime};
    sem_init(&greeting.done, 0, 0);
    if (edge_post(runtime_edge(runtime, 0), greet, &greeting) == ERR_OK)
        sem_wait(&greeting.done);
    sem_destroy(&greeting.done);
}

int main(int count, char **arguments)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    runtime_t *runtime = NULL;
    if (count < 2 || runtime_new(&(runtime_options_t){.scheduler_count = 1}, &runtime) != ERR_OK)
        return 2;
    err_t err = runtime_load_plugin(runtime, arguments[1], NULL, &problem);
    if (err == ERR_OK)
        err = runtime_start(runtime);
    for (int i = 2; i <= count && err == ERR_OK; i++) {
        greet_and_wait(runtime);
        if (i < count)
            err = runtime_replace_plugin(runtime, "greeter", arguments[i], 5000, &problem);
    }
    if (err != ERR_OK)
        fprintf(stderr, "%s\n", problem.size > 0 ? buf_terminated(&problem) : err_text(err));
    IGNORE_ERR(runtime_drain(runtime, 5000)); /* the program ends anyway */
    runtime_free(runtime);
    return err == ERR_OK ? 0 : 1;
}

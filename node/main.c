/* main.c -- the program `musicstream`: see command.c for what it can do. */

#include "node/commands/command.h"

int main(int count, char **arguments)
{
    extern char **environ;
    return command_main(count - 1, arguments + 1, environ);
}

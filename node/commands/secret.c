#include "node/commands/secret.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

bool secret_read(const char *prompt, FILE *in, char room[SECRET_ROOM])
{
    struct termios before, silent;
    bool is_terminal = tcgetattr(fileno(in), &before) == 0;
    if (is_terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(in), TCSAFLUSH, &silent);
        fputs(prompt, stderr);
    }
    char *line = fgets(room, SECRET_ROOM, in);
    if (is_terminal) {
        tcsetattr(fileno(in), TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (line == NULL)
        return false;
    room[strcspn(room, "\r\n")] = '\0';
    return true;
}

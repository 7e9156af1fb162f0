/* musicstream-media: reads untrusted media for a node, which executes it with a socket as
 * descriptor 3. */
#include "media/sandbox.h"
#include "media/serve.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKET = 3, EXIT_USAGE = 2 };

int main(void)
{
    struct stat status;
    if (fstat(SOCKET, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        fputs("musicstream-media is started by the musicstream server, not by hand\n", stderr);
        return EXIT_USAGE;
    }
    if (sandbox_limits(SOCKET) != ERR_OK)
        return 1;
    serve_warm_up();
    if (sandbox_enter() != ERR_OK)
        return 1;
    int code = serve(SOCKET, true) == ERR_UNAVAILABLE ? 0 : 1;
#ifdef MS_SANITIZED
    _exit(code); /* LeakSanitizer would wait for its tracer, which the filter has killed */
#endif
    return code;
}

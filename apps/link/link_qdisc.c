/* tunny link qdisc: the kernel's netem by our grammar; see link_qdisc.h. */
#include "link/link_qdisc.h"

#include <errno.h>
#include <string.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/options.h"

int link_qdisc(int argc, char **argv)
{
    char text[2048];
    unsigned direction = 0;
    message_program("tunny link qdisc");
    if (argc == 3)
        direction = strcmp(argv[2], "forward") == 0    ? TUNNY_FORWARD
                    : strcmp(argv[2], "backward") == 0 ? TUNNY_BACKWARD
                                                       : 0;
    if (argc < 2 || argc > 3 || (argc == 3 && direction == 0))
        return options_wrong("[NAMESPACE/]INTERFACE SPEC [forward|backward], or clear, are needed");
    int result = tunny_netem(argv[0], strcmp(argv[1], "clear") == 0 ? NULL : argv[1], direction,
                             text, sizeof text);
    if (result < 0) {
        complain("%s.", text);
        return result == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    fputs(text, stderr);
    return EXIT_OK;
}

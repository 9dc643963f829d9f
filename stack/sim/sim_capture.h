/* A pcapng file of everything that enters a link of a world, each packet with the link's name and
 * what the link did to it. Called by sim_link.c and sim_world.c. */
#ifndef TUNNY_SIM_SIM_CAPTURE_H
#define TUNNY_SIM_SIM_CAPTURE_H

#include "base/bytes.h"
#include "base/time.h"

struct sim_capture;

/* 0 and *capture, or a negative errno and a sentence in `error`. */
int sim_capture_open(const char *path, const char *comment, struct sim_capture **capture,
                     char *error, size_t error_size);
/* 0, or -EIO when something was not written. */
int sim_capture_close(struct sim_capture *capture);
void sim_capture_write(struct sim_capture *capture, struct instant now, const char *link,
                       unsigned direction, struct bytes packet, const char *fate);

#endif

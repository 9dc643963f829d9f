/* The media type that a file's name suggests. Called by the server's answers. */
#ifndef TUNNY_SERVE_MIME_H
#define TUNNY_SERVE_MIME_H

/* By the ending, without regard to case; "application/octet-stream" when it is not known. */
const char *mime_type(const char *name);

#endif

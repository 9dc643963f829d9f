/* tunny get: the HTTP downloader. */
#ifndef TUNNY_GET_GET_H
#define TUNNY_GET_GET_H

/* Arguments from "get" on. The exit code. */
int get_main(int argc, char **argv);

#endif

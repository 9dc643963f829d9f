/* tunny nc: standard input to a connection and the connection to standard output. Called by
 * tunny. */
#ifndef TUNNY_NC_NC_H
#define TUNNY_NC_NC_H

int nc_main(int argc, char **argv);

#endif

/* tunny link: a cable in user space between interfaces of the kernel, with faults. */
#ifndef TUNNY_LINK_LINK_H
#define TUNNY_LINK_LINK_H

int link_main(int argc, char **argv);

#endif

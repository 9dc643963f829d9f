/* tunny lab: experiments over a grid of links, ours beside the kernel's TCP. */
#ifndef TUNNY_LAB_LAB_H
#define TUNNY_LAB_LAB_H

int lab_main(int argc, char **argv);

#endif

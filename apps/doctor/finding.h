/* What the doctor found: one line for each thing that it looked at. Called by the checks, which add
 * findings, and by doctor.c, which prints them. */
#ifndef TUNNY_DOCTOR_FINDING_H
#define TUNNY_DOCTOR_FINDING_H

enum verdict { WORKS, DOES_NOT_WORK, UNKNOWN };

struct finding {
    const char *name;
    enum verdict verdict;
    char detail[240]; /* a sentence without its full stop */
    char mend[240];   /* the shell command that mends it; "" when none does or need be */
};

enum { FINDINGS_MOST = 24 };

struct findings {
    struct finding list[FINDINGS_MOST];
    unsigned count;
};

/* Adds a finding with its detail; nothing mends it until finding_mend() says so. */
__attribute__((format(printf, 4, 5))) struct finding *finding_add(struct findings *findings,
                                                                  const char *name,
                                                                  enum verdict verdict,
                                                                  const char *format, ...);

/* The command of a finding. "sudo " is put before it for those who need it. */
__attribute__((format(printf, 2, 3))) void finding_mend(struct finding *finding, const char *format,
                                                        ...);

/* The command that installs a package of this name, in the words of the package manager that is
 * here; nothing when none that is known is. */
void finding_mend_by_package(struct finding *finding, const char *package);

#endif

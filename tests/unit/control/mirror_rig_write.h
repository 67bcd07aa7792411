/* SPDX-License-Identifier: BSD-3-Clause
 * The played kernel's messages, written by hand from linux/xfrm.h: nothing here calls the codec that they test. */
#ifndef MIRROR_RIG_WRITE_H
#define MIRROR_RIG_WRITE_H

#include "tests/unit/control/mirror_rig.h"

struct played_writer {
	uint8_t bytes[8192] __attribute__((aligned(8)));
	uint32_t n;
};

void played_write_start(struct played_writer *w, uint16_t type, uint16_t flags, uint32_t seq, uint32_t pid);
void played_write(struct played_writer *w, const void *data, size_t bytes);
/* Sets the length and sends it as one packet. */
void played_write_send(int fd, struct played_writer *w);

/* NEWSA, UPDSA, and policies alike: what the header says, for a dump or an answer. */
void played_write_sa(struct played_writer *w, const struct nlmsghdr *h, const struct played_sa *sa);
void played_write_policy(struct played_writer *w, const struct nlmsghdr *h, const struct played_policy *p);
/* What is multicast of struct played_sa or struct played_policy. */
void played_write_event(struct played_writer *w, uint16_t type, const void *object, uint32_t pid);

void played_set_addr(xfrm_address_t *out, const char *text);
bool played_is_wide(const struct played_sa *sa); /* XFRMA_REPLAY_ESN_VAL */
uint32_t played_words(const struct played_sa *sa);

#endif

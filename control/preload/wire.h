/* SPDX-License-Identifier: BSD-3-Clause
 * Netlink messages as bytes: walking, cutting into what one recv() returns, making the few that the library makes
 * itself. Every length is checked; nothing is trusted. Pure; any thread. */
#ifndef PRE_WIRE_H
#define PRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

/* The sender's port of the library's own requests: their answers are not the program's. The kernel gives out process
 * numbers and numbers above 0xf0000000, never this one. */
#define PRE_OWN_PORT 0xc0117e27u

/* A part of a dump that reaches the program in one piece is no longer than the kernel's (NLMSG_GOODSIZE with pages of
 * 4096 bytes): buffers that do for the kernel do here. */
#define PRE_DUMP_BYTES 3776

/* The message at at, NULL at the end or where its length is wrong: what follows cannot be told apart. */
const struct nlmsghdr *pre_wire_at(const uint8_t *data, size_t bytes, size_t at);
/* How far it is from nlh to the next message. */
size_t pre_wire_step(const struct nlmsghdr *nlh, size_t bytes_left);
/* Bytes from at on that one recv() returns, as the kernel would: a message, or some of a dump. 0 at the end. */
size_t pre_wire_unit(const uint8_t *data, size_t bytes, size_t at);
/* Puts a port into every message. */
void pre_wire_stamp(uint8_t *data, size_t bytes, uint32_t port);
/* The attribute's payload behind a body of that length, NULL when it is not there or has fewer than least bytes. */
const void *pre_wire_attr(const struct nlmsghdr *nlh, size_t body, uint16_t type, size_t least);
/* Multicast group that a message of this type goes to as an event, 0 for none. */
unsigned pre_wire_group(uint16_t type);
/* Whether a request has an answer that its sender waits for. */
bool pre_wire_is_answered(const struct nlmsghdr *nlh);
/* Whether a message ends the answer to a request with these flags. */
bool pre_wire_ends(const struct nlmsghdr *answer, uint16_t request_flags);

/* A request of the library's own for these groups (bits 1 << XFRMNLGRP_*), acknowledged. */
#define PRE_SUBSCRIBE_BYTES (NLMSG_HDRLEN + 4 + 8)
void pre_wire_subscribe(void *buf, uint32_t seq, uint32_t groups);
/* The boot number of CTL_MSG_HELLO; false: it is none. */
bool pre_wire_hello(const struct nlmsghdr *nlh, uint64_t *boot);

/* An error as answer to a request. */
#define PRE_ERROR_BYTES (NLMSG_HDRLEN + sizeof(struct nlmsgerr))
void pre_wire_error(void *buf, const struct nlmsghdr *request, int rc);
/* An extended ACK without its attributes, for a program that did not ask for them. false: it is none. */
bool pre_wire_plain_ack(void *buf, const struct nlmsghdr *nlh);

/* The daemon's ACKs are capped: the request, which may hold a key, is not in them. To a program that did not ask for
 * capped ones an offset into the request says nothing; it is made an attribute that is not used. Lengths stay. */
void pre_wire_hide_offset(struct nlmsghdr *nlh);

#endif

/* SPDX-License-Identifier: BSD-3-Clause
 * Netlink messages as bytes. Pure; any thread. */
#include "control/preload/wire.h"

#include <string.h>

#include "control/own_msg.h"

const struct nlmsghdr *
pre_wire_at(const uint8_t *data, size_t bytes, size_t at)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(data + at);

	if (at > bytes || bytes - at < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > bytes - at)
		return NULL;
	return nlh;
}

size_t
pre_wire_step(const struct nlmsghdr *nlh, size_t bytes_left)
{
	size_t step = NLMSG_ALIGN((size_t)nlh->nlmsg_len);

	return step < bytes_left ? step : bytes_left;
}

size_t
pre_wire_unit(const uint8_t *data, size_t bytes, size_t at)
{
	const struct nlmsghdr *first = pre_wire_at(data, bytes, at), *nlh = first;
	size_t unit = 0;

	while (nlh) {
		size_t step = pre_wire_step(nlh, bytes - at - unit);

		if (unit > 0 && (unit + step > PRE_DUMP_BYTES || !(nlh->nlmsg_flags & NLM_F_MULTI) ||
				 nlh->nlmsg_seq != first->nlmsg_seq || nlh->nlmsg_pid != first->nlmsg_pid))
			break;
		unit += step;
		if (!(nlh->nlmsg_flags & NLM_F_MULTI) || nlh->nlmsg_type == NLMSG_DONE)
			break;
		nlh = pre_wire_at(data, bytes, at + unit);
	}
	return unit;
}

void
pre_wire_stamp(uint8_t *data, size_t bytes, uint32_t port)
{
	const struct nlmsghdr *nlh;

	for (size_t at = 0; (nlh = pre_wire_at(data, bytes, at)); at += pre_wire_step(nlh, bytes - at))
		((struct nlmsghdr *)(data + at))->nlmsg_pid = port;
}

const void *
pre_wire_attr(const struct nlmsghdr *nlh, size_t body, uint16_t type, size_t least)
{
	const uint8_t *data = (const uint8_t *)nlh;
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(body);

	while (at <= nlh->nlmsg_len && nlh->nlmsg_len - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const struct nlattr *)(data + at);

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > nlh->nlmsg_len - at)
			return NULL;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr->nla_len - NLA_HDRLEN >= (int)least ? data + at + NLA_HDRLEN : NULL;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

unsigned
pre_wire_group(uint16_t type)
{
	switch (type) {
	case XFRM_MSG_ACQUIRE:
		return XFRMNLGRP_ACQUIRE;
	case XFRM_MSG_EXPIRE:
	case XFRM_MSG_POLEXPIRE:
		return XFRMNLGRP_EXPIRE;
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
	case XFRM_MSG_DELSA:
	case XFRM_MSG_FLUSHSA:
		return XFRMNLGRP_SA;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
	case XFRM_MSG_DELPOLICY:
	case XFRM_MSG_FLUSHPOLICY:
	case XFRM_MSG_GETDEFAULT:
		return XFRMNLGRP_POLICY;
	case XFRM_MSG_NEWAE:
		return XFRMNLGRP_AEVENTS;
	case XFRM_MSG_REPORT:
		return XFRMNLGRP_REPORT;
	case XFRM_MSG_MIGRATE:
		return XFRMNLGRP_MIGRATE;
	case XFRM_MSG_MAPPING:
		return XFRMNLGRP_MAPPING;
	default:
		return 0;
	}
}

static bool
is_question(uint16_t type)
{
	return type == XFRM_MSG_GETSA || type == XFRM_MSG_GETPOLICY || type == XFRM_MSG_ALLOCSPI ||
	       type == XFRM_MSG_GETAE || type == XFRM_MSG_GETSADINFO || type == XFRM_MSG_GETSPDINFO ||
	       type == XFRM_MSG_GETDEFAULT;
}

bool
pre_wire_is_answered(const struct nlmsghdr *nlh)
{
	return (nlh->nlmsg_flags & NLM_F_REQUEST) && ((nlh->nlmsg_flags & NLM_F_ACK) || is_question(nlh->nlmsg_type));
}

bool
pre_wire_ends(const struct nlmsghdr *answer, uint16_t request_flags)
{
	if (answer->nlmsg_type == NLMSG_ERROR || answer->nlmsg_type == NLMSG_DONE)
		return true;
	return !(answer->nlmsg_flags & NLM_F_MULTI) && !(request_flags & NLM_F_ACK);
}

void
pre_wire_subscribe(void *buf, uint32_t seq, uint32_t groups)
{
	const struct nlmsghdr header = {.nlmsg_len = PRE_SUBSCRIBE_BYTES,
					.nlmsg_type = CTL_MSG_SUBSCRIBE,
					.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
					.nlmsg_seq = seq,
					.nlmsg_pid = PRE_OWN_PORT};
	const struct ctl_msg_head head = {.version = CTL_MSG_VERSION};
	const struct nlattr attr = {.nla_len = NLA_HDRLEN + sizeof(groups), .nla_type = CTL_A_GROUPS};
	uint8_t *at = buf;

	memcpy(at, &header, sizeof(header));
	memcpy(at + NLMSG_HDRLEN, &head, sizeof(head));
	memcpy(at + NLMSG_HDRLEN + sizeof(head), &attr, sizeof(attr));
	memcpy(at + NLMSG_HDRLEN + sizeof(head) + NLA_HDRLEN, &groups, sizeof(groups));
}

bool
pre_wire_hello(const struct nlmsghdr *nlh, uint64_t *boot)
{
	if (nlh->nlmsg_type != CTL_MSG_HELLO)
		return false;
	const void *value = pre_wire_attr(nlh, sizeof(struct ctl_msg_head), CTL_A_BOOT_ID, sizeof(*boot));
	if (value)
		memcpy(boot, value, sizeof(*boot));
	return value != NULL;
}

void
pre_wire_error(void *buf, const struct nlmsghdr *request, int rc)
{
	const struct nlmsghdr header = {.nlmsg_len = PRE_ERROR_BYTES,
					.nlmsg_type = NLMSG_ERROR,
					.nlmsg_flags = NLM_F_CAPPED,
					.nlmsg_seq = request->nlmsg_seq,
					.nlmsg_pid = request->nlmsg_pid};
	const struct nlmsgerr body = {.error = rc, .msg = *request};

	memcpy(buf, &header, sizeof(header));
	memcpy((uint8_t *)buf + NLMSG_HDRLEN, &body, sizeof(body));
}

void
pre_wire_hide_offset(struct nlmsghdr *nlh)
{
	const void *offset = NULL;

	if (nlh->nlmsg_type == NLMSG_ERROR && (nlh->nlmsg_flags & NLM_F_ACK_TLVS) && (nlh->nlmsg_flags & NLM_F_CAPPED))
		offset = pre_wire_attr(nlh, sizeof(struct nlmsgerr), NLMSGERR_ATTR_OFFS, sizeof(uint32_t));
	if (offset) {
		size_t at = (size_t)((const uint8_t *)offset - (const uint8_t *)nlh) - NLA_HDRLEN;

		((struct nlattr *)((uint8_t *)nlh + at))->nla_type = NLMSGERR_ATTR_UNUSED;
	}
}

bool
pre_wire_plain_ack(void *buf, const struct nlmsghdr *nlh)
{
	struct nlmsghdr header = *nlh;

	if (nlh->nlmsg_type != NLMSG_ERROR || !(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || nlh->nlmsg_len < PRE_ERROR_BYTES)
		return false;
	header.nlmsg_len = PRE_ERROR_BYTES;
	header.nlmsg_flags = (uint16_t)((header.nlmsg_flags & ~NLM_F_ACK_TLVS) | NLM_F_CAPPED);
	memcpy(buf, nlh, PRE_ERROR_BYTES);
	memcpy(buf, &header, sizeof(header));
	return true;
}

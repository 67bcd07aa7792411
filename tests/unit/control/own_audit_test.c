/* SPDX-License-Identifier: BSD-3-Clause
 * Audit events over the wire and as lines of the log: what is not known is not said. */
#include "tests/unit/control/codec_rig.h"

#include <errno.h>

#include "control/audit.h"
#include "control/own_codec.h"

static uint8_t buf[4096] __attribute__((aligned(8)));

static struct ctl_audit
an_event(uint8_t has)
{
	struct ctl_audit audit = {.kind = "selector",
				  .reason = "inner-policy",
				  .time_ns = 1000000000123456789,
				  .worker = 3,
				  .proto = 50,
				  .has = has};

	sadb_addr_parse("192.0.2.2", &audit.src);
	sadb_addr_parse("2001:db8::1", &audit.dst);
	if (has & DP_AUDIT_HAS_SPI)
		audit.spi_be = RTE_BE32(0x8001);
	if (has & DP_AUDIT_HAS_SEQ)
		audit.seq = 1ull << 40;
	if (has & DP_AUDIT_HAS_VNET)
		audit.vnet_id = 7;
	if (has & (DP_AUDIT_HAS_PORTS | DP_AUDIT_HAS_INNER)) {
		audit.inner.sport_be = RTE_BE16(4000);
		audit.inner.dport_be = RTE_BE16(53);
	}
	if (has & DP_AUDIT_HAS_INNER) {
		sadb_addr_parse("10.2.0.2", &audit.inner.src);
		sadb_addr_parse("10.1.0.2", &audit.inner.dst);
		audit.inner.proto = 17;
	}
	return audit;
}

static void
every_event_survives_the_wire(void **state)
{
	const struct nlmsghdr h = {.nlmsg_type = CTL_MSG_AUDIT};
	static struct ctl_own own;
	struct sadb_error err;

	(void)state;
	for (unsigned has = 0; has < 2 * DP_AUDIT_HAS_PORTS; has++) {
		const struct ctl_audit audit = an_event((uint8_t)has);
		const size_t bytes = ctl_own_encode_audit(buf, sizeof(buf), &h, &audit);
		uint8_t expected = (uint8_t)has;

		if ((has & DP_AUDIT_HAS_INNER) != 0) /* then its ports are the inner packet's */
			expected &= (uint8_t)~DP_AUDIT_HAS_PORTS;
		assert_int_not_equal(bytes, 0);
		assert_int_equal(ctl_own_decode((const struct nlmsghdr *)buf, &own, &err), 0);
		assert_int_equal(own.audit.has, expected);
		own.audit.has = audit.has;
		assert_memory_equal(&own.audit, &audit, sizeof(audit));
		for (size_t room = 0; room < bytes; room++)
			assert_int_equal(ctl_own_encode_audit(buf, room, &h, &audit), 0);
	}
}

static void
what_is_malformed_is_refused(void **state)
{
	const struct nlmsghdr h = {.nlmsg_type = CTL_MSG_AUDIT};
	const struct ctl_audit audit = an_event(0);
	static struct ctl_own own;
	struct sadb_error err;

	(void)state;
	assert_int_not_equal(ctl_own_encode_get(buf, sizeof(buf), &h), 0);
	assert_int_equal(ctl_own_decode((const struct nlmsghdr *)buf, &own, &err), -EINVAL);
	assert_non_null(strstr(err.text, "CTL_A_EVENT is missing"));
	const size_t bytes = ctl_own_encode_audit(buf, sizeof(buf), &h, &audit);
	for (size_t at = 0; at + 4 <= bytes; at += 4) {
		if (memcmp(buf + at, "\x08\x00\x08\x00", 4) != 0) /* length 8, CTL_E_SRC is 8 */
			continue;
		buf[at] = 6;
		assert_int_equal(ctl_own_decode((const struct nlmsghdr *)buf, &own, &err), -EINVAL);
		return;
	}
	fail_msg("no source");
}

static void
a_line_says_what_is_known(void **state)
{
	static const struct {
		uint8_t has;
		const char *vnet, *line;
	} rows[] = {
	    {0, NULL,
	     "audit event=selector reason=inner-policy src=192.0.2.2 dst=2001:db8::1 proto=50 "
	     "time=2001-09-09T01:46:40.123456Z worker=3"},
	    {DP_AUDIT_HAS_SPI | DP_AUDIT_HAS_SEQ | DP_AUDIT_HAS_VNET | DP_AUDIT_HAS_INNER, "blue",
	     "audit event=selector reason=inner-policy spi=0x00008001 src=192.0.2.2 dst=2001:db8::1 seq=1099511627776 "
	     "proto=50 vnet=blue inner_src=10.2.0.2 inner_dst=10.1.0.2 inner_proto=17 inner_sport=4000 "
	     "inner_dport=53 time=2001-09-09T01:46:40.123456Z worker=3"},
	    {DP_AUDIT_HAS_PORTS, NULL,
	     "audit event=selector reason=inner-policy src=192.0.2.2 dst=2001:db8::1 proto=50 sport=4000 dport=53 "
	     "time=2001-09-09T01:46:40.123456Z worker=3"},
	};
	char line[CTL_AUDIT_LINE_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ctl_audit audit = an_event(rows[i].has);

		assert_int_equal(ctl_audit_format(line, &audit, rows[i].vnet), strlen(rows[i].line));
		assert_string_equal(line, rows[i].line);
	}
}

static void
a_sum_of_what_was_not_told_is_a_line_of_its_own(void **state)
{
	const struct ctl_audit audit = {.kind = "icv", .time_ns = 1000000000, .suppressed = 12};
	char line[CTL_AUDIT_LINE_BYTES];

	(void)state;
	ctl_audit_format(line, &audit, NULL);
	assert_string_equal(line, "audit event=icv suppressed=12 time=1970-01-01T00:00:01.000000Z");
}

static void
the_longest_line_fits(void **state)
{
	struct ctl_audit audit;
	char line[CTL_AUDIT_LINE_BYTES], vnet[SADB_VNET_NAME];

	(void)state;
	memset(&audit, 0xff, sizeof(audit));
	memset(audit.kind, 'k', sizeof(audit.kind) - 1);
	memset(audit.reason, 'r', sizeof(audit.reason) - 1);
	audit.kind[sizeof(audit.kind) - 1] = audit.reason[sizeof(audit.reason) - 1] = 0;
	memset(vnet, 'v', sizeof(vnet) - 1);
	vnet[sizeof(vnet) - 1] = 0;
	audit.suppressed = 0;
	audit.has = DP_AUDIT_HAS_SPI | DP_AUDIT_HAS_SEQ | DP_AUDIT_HAS_VNET | DP_AUDIT_HAS_INNER;
	audit.src.family = audit.dst.family = audit.inner.src.family = audit.inner.dst.family = AF_INET6;
	assert_in_range(ctl_audit_format(line, &audit, vnet), 300, CTL_AUDIT_LINE_BYTES - 2);
	assert_non_null(strstr(line, " worker=4294967295"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_event_survives_the_wire),
	    cmocka_unit_test(what_is_malformed_is_refused),
	    cmocka_unit_test(a_line_says_what_is_known),
	    cmocka_unit_test(a_sum_of_what_was_not_told_is_a_line_of_its_own),
	    cmocka_unit_test(the_longest_line_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

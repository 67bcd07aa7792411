/* SPDX-License-Identifier: BSD-3-Clause
 * The names of the drop reasons are an interface: scripts and dashboards hold on to them. */
#include "dataplane/drop.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	enum dp_drop reason;
	const char *name;
} names[] = {
    {DP_DROP_ETHER_TYPE, "ether-type"},
    {DP_DROP_ETHER_DST, "ether-dst"},
    {DP_DROP_VLAN_UNKNOWN, "vlan-unknown"},
    {DP_DROP_VLAN_MISSING, "vlan-missing"},
    {DP_DROP_VLAN_STACKED, "vlan-stacked"},
    {DP_DROP_IP_TRUNCATED, "ip-truncated"},
    {DP_DROP_IP_VERSION, "ip-version"},
    {DP_DROP_IP_LENGTH, "ip-length"},
    {DP_DROP_IP_CHECKSUM, "ip-checksum"},
    {DP_DROP_IP_OPTIONS, "ip-options"},
    {DP_DROP_IP_MARTIAN, "ip-martian"},
    {DP_DROP_IP_MULTICAST, "ip-multicast"},
    {DP_DROP_IP6_LINK, "ip6-link"},
    {DP_DROP_IP6_HOP_BY_HOP, "ip6-hop-by-hop"},
    {DP_DROP_IP6_ROUTING, "ip6-routing"},
    {DP_DROP_IP6_EXTENSION, "ip6-extension"},
    {DP_DROP_SEGMENTED, "segmented"},
    {DP_DROP_UNDERLAY_NOT_LOCAL, "underlay-not-local"},
    {DP_DROP_NO_POLICY, "no-policy"},
    {DP_DROP_POLICY, "policy"},
    {DP_DROP_NO_SA, "no-sa"},
    {DP_DROP_CLEAR_PROTECTED, "clear-protected"},
    {DP_DROP_FRAGMENT_PORTS, "fragment-ports"},
    {DP_DROP_INJECT_SOURCE, "inject-source"},
    {DP_DROP_FRAGMENT_LENGTH, "fragment-length"},
    {DP_DROP_FRAGMENT_OVERLAP, "fragment-overlap"},
    {DP_DROP_FRAGMENT_DUPLICATE, "fragment-duplicate"},
    {DP_DROP_FRAGMENT_TIMEOUT, "fragment-timeout"},
    {DP_DROP_FRAGMENT_FULL, "fragment-full"},
    {DP_DROP_UDP_LENGTH, "udp-length"},
    {DP_DROP_NAT_KEEPALIVE, "nat-keepalive"},
    {DP_DROP_ESP_TRUNCATED, "esp-truncated"},
    {DP_DROP_ESP_UNALIGNED, "esp-unaligned"},
    {DP_DROP_ESP_NO_SA, "esp-no-sa"},
    {DP_DROP_SA_DIRECTION, "sa-direction"},
    {DP_DROP_ENCAP_MISSING, "encap-missing"},
    {DP_DROP_ENCAP_UNWANTED, "encap-unwanted"},
    {DP_DROP_SA_EXPIRED, "sa-expired"},
    {DP_DROP_REPLAY_OLD, "replay-old"},
    {DP_DROP_REPLAY_DUP, "replay-dup"},
    {DP_DROP_SEQ_ZERO, "seq-zero"},
    {DP_DROP_ICV, "icv"},
    {DP_DROP_ESP_PADDING, "esp-padding"},
    {DP_DROP_ESP_NEXT_HEADER, "esp-next-header"},
    {DP_DROP_ESP_DUMMY, "esp-dummy"},
    {DP_DROP_INNER_VERSION, "inner-version"},
    {DP_DROP_INNER_LENGTH, "inner-length"},
    {DP_DROP_INNER_CHECKSUM, "inner-checksum"},
    {DP_DROP_INNER_ECN, "inner-ecn"},
    {DP_DROP_INNER_SELECTOR, "inner-selector"},
    {DP_DROP_INNER_POLICY, "inner-policy"},
    {DP_DROP_OUT_SELECTOR, "out-selector"},
    {DP_DROP_OWN_FRAGMENT, "own-fragment"},
    {DP_DROP_SEQ_SPENT, "seq-spent"},
    {DP_DROP_NO_HEADROOM, "no-headroom"},
    {DP_DROP_MTU, "mtu"},
    {DP_DROP_NO_BUFFER, "no-buffer"},
    {DP_DROP_ENGINE_FULL, "engine-full"},
    {DP_DROP_ENGINE_FAILED, "engine-failed"},
    {DP_DROP_TTL, "ttl"},
    {DP_DROP_NO_ROUTE, "no-route"},
    {DP_DROP_BLACKHOLE, "blackhole"},
    {DP_DROP_ROUTE_DOMAIN, "route-domain"},
    {DP_DROP_NEIGH_TIMEOUT, "neigh-timeout"},
    {DP_DROP_HOLD_FULL, "hold-full"},
    {DP_DROP_PUNT_FULL, "punt-full"},
    {DP_DROP_TX_FULL, "tx-full"},
    {DP_DROP_PORT_DOWN, "port-down"},
    {DP_DROP_SHUTDOWN, "shutdown"},
};

static void
every_reason_keeps_its_name(void **state)
{
	(void)state;
	assert_int_equal(sizeof(names) / sizeof(names[0]), DP_DROP_COUNT);
	for (unsigned i = 0; i < DP_DROP_COUNT; i++) {
		assert_int_equal(names[i].reason, i);
		assert_string_equal(dp_drop_name(names[i].reason), names[i].name);
	}
}

static void
every_help_is_one_line_that_says_something_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DP_DROP_COUNT; i++) {
		const char *help = dp_drop_help((enum dp_drop)i);
		assert_non_null(help);
		assert_null(strpbrk(help, "\n\t"));
		assert_in_range(strlen(help), 40, 160);
		assert_false(isspace((unsigned char)help[strlen(help) - 1]));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(help, dp_drop_help((enum dp_drop)k));
	}
}

/* The help stands beside its own name, not its neighbour's: a word of each that no other help would need. */
static void
the_help_belongs_to_its_reason(void **state)
{
	(void)state;
	static const struct {
		enum dp_drop reason;
		const char *word;
	} rows[] = {
	    {DP_DROP_ETHER_TYPE, "neither IP nor ARP"},
	    {DP_DROP_VLAN_UNKNOWN, "no port's"},
	    {DP_DROP_VLAN_MISSING, "native VLAN"},
	    {DP_DROP_VLAN_STACKED, "802.1ad"},
	    {DP_DROP_ESP_NO_SA, "SPI and destination no SA has"},
	    {DP_DROP_UDP_LENGTH, "UDP length"},
	    {DP_DROP_NAT_KEEPALIVE, "NAT keepalive"},
	    {DP_DROP_ENCAP_MISSING, "came as plain ESP"},
	    {DP_DROP_ENCAP_UNWANTED, "came in UDP"},
	    {DP_DROP_NO_SA, "ACQUIRE"},
	    {DP_DROP_REPLAY_OLD, "left of the replay window"},
	    {DP_DROP_REPLAY_DUP, "seen before"},
	    {DP_DROP_ICV, "tag does not verify"},
	    {DP_DROP_INNER_SELECTOR, "selector (RFC 4301 5.2)"},
	    {DP_DROP_OUT_SELECTOR, "policy chose an SA"},
	    {DP_DROP_MTU, "ICMP"},
	    {DP_DROP_ENGINE_FULL, "add workers"},
	    {DP_DROP_TTL, "TTL"},
	    {DP_DROP_HOLD_FULL, "wait for their neighbour"},
	    {DP_DROP_IP6_LINK, "off its link"},
	    {DP_DROP_IP6_HOP_BY_HOP, "hop-by-hop"},
	    {DP_DROP_IP6_ROUTING, "RFC 5095"},
	    {DP_DROP_IP6_EXTENSION, "extension headers"},
	    {DP_DROP_PORT_DOWN, "no link"},
	    {DP_DROP_SHUTDOWN, "stopped"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strstr(dp_drop_help(rows[i].reason), rows[i].word) == NULL)
			fail_msg("%s: '%s'", dp_drop_name(rows[i].reason), dp_drop_help(rows[i].reason));
}

static void
past_the_end_there_is_neither_name_nor_help(void **state)
{
	(void)state;
	static const unsigned rows[] = {DP_DROP_COUNT, DP_DROP_COUNT + 1, 255, UINT32_MAX};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(dp_drop_name((enum dp_drop)rows[i]));
		assert_null(dp_drop_help((enum dp_drop)rows[i]));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_reason_keeps_its_name),
	    cmocka_unit_test(every_help_is_one_line_that_says_something_of_its_own),
	    cmocka_unit_test(the_help_belongs_to_its_reason),
	    cmocka_unit_test(past_the_end_there_is_neither_name_nor_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

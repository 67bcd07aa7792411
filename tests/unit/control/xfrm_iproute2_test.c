/* SPDX-License-Identifier: BSD-3-Clause
 * The XFRM codec against the bytes that iproute2 and the kernel make. */
#include "tests/unit/control/xfrm_rig.h"

#include <errno.h>
#include <netinet/in.h>

#include "tests/unit/control/iproute2_bytes.h"

static void
assert_prefix(const struct sadb_prefix *is, const char *text)
{
	const struct sadb_prefix should = rig_prefix(text);

	assert_true(sadb_addr_equal(&is->addr, &should.addr));
	assert_int_equal(is->len, should.len);
}

static void
assert_addr(const struct sadb_addr *is, const char *text)
{
	const struct sadb_addr should = rig_addr(text);

	assert_true(sadb_addr_equal(is, &should));
}

static void
reads_an_sa_that_ip_xfrm_adds(void **state)
{
	struct ctl_xfrm m = rig_decode(sa_add);
	const struct sadb_sa_config *c = &m.sa.config;

	(void)state;
	assert_int_equal(m.type, XFRM_MSG_NEWSA);
	assert_int_equal(m.flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_addr(&c->src, "192.0.2.1");
	assert_addr(&c->dst, "198.51.100.2");
	assert_int_equal(c->spi_be, htonl(0x1001));
	assert_int_equal(c->proto, IPPROTO_ESP);
	assert_int_equal(c->mode, XFRM_MODE_TUNNEL);
	assert_int_equal(c->reqid, 7);
	assert_int_equal(c->vnet_id, 0);
	assert_int_equal(c->dir, SADB_DIR_ANY);
	assert_int_equal(c->flags, 0);
	assert_int_equal(c->aead, SADB_AEAD_AES_GCM_16);
	assert_int_equal(c->key_bytes, 32);
	assert_memory_equal(c->key, rig_key, 32);
	assert_memory_equal(c->salt, rig_salt, 4);
	assert_int_equal(c->window_packets, 0);
	assert_prefix(&c->sel.src, "0.0.0.0/0");
	assert_prefix(&c->sel.dst, "0.0.0.0/0");
	assert_true(c->life.hard_bytes == SADB_INF && c->life.soft_packets == SADB_INF);
	assert_int_equal(c->life.hard_add_s, 0);
	assert_int_equal(rig_decode(sa_update).type, XFRM_MSG_UPDSA);
}

static void
reads_the_other_algorithms(void **state)
{
	const struct ctl_xfrm chacha = rig_decode(sa_add_chacha), gmac = rig_decode(sa_add_gmac);

	(void)state;
	assert_int_equal(chacha.sa.config.aead, SADB_AEAD_CHACHA20_POLY1305);
	assert_int_equal(chacha.sa.config.key_bytes, 32);
	assert_memory_equal(chacha.sa.config.key, rig_key, 32);
	assert_memory_equal(chacha.sa.config.salt, rig_salt, 4);
	assert_int_equal(gmac.sa.config.aead, SADB_AEAD_AES_GMAC);
	assert_int_equal(gmac.sa.config.key_bytes, 16);
	assert_memory_equal(gmac.sa.config.key, rig_key, 16);
	assert_memory_equal(gmac.sa.config.salt, rig_salt, 4);
}

static void
reads_transport_mode_as_the_underlays(void **state)
{
	struct ctl_xfrm m = rig_decode(sa_add_transport);

	(void)state;
	assert_int_equal(m.sa.config.mode, XFRM_MODE_TRANSPORT);
	assert_true(m.sa.config.vnet_id == SADB_UNDERLAY_ID);
	assert_addr(&m.sa.config.dst, "198.51.100.2");
	assert_prefix(&m.sa.config.sel.src, "0.0.0.0/0");
}

static void
reads_esn_with_its_sequence_numbers_and_if_id(void **state)
{
	struct ctl_xfrm m = rig_decode(sa_add_esn);
	const struct sadb_sa_config *c = &m.sa.config;

	(void)state;
	assert_int_equal(c->flags, SADB_SA_ESN);
	assert_int_equal(c->window_packets, 128);
	assert_true(c->out_seq == 0x200000009ull);
	assert_true(c->in_seq == 0x100000005ull);
	assert_int_equal(c->vnet_id, 0x64);
	assert_int_equal(c->key_bytes, 16);
	assert_memory_equal(c->key, rig_key, 16);
	assert_memory_equal(c->salt, rig_salt, 4);
	assert_prefix(&c->sel.src, "10.1.0.0/16");
	assert_prefix(&c->sel.dst, "10.2.0.0/16");
}

static void
reads_flags_and_lifetimes(void **state)
{
	struct ctl_xfrm m = rig_decode(sa_add_limits);
	const struct sadb_sa_config *c = &m.sa.config;
	const struct sadb_lifetime life = {1000, 2000, 10, 20, 30, 60, 15, 45};

	(void)state;
	assert_int_equal(c->flags, SADB_SA_NOECN | SADB_SA_DECAP_DSCP | SADB_SA_NOPMTUDISC | SADB_SA_DONT_ENCAP_DSCP);
	assert_int_equal(c->window_packets, 32);
	assert_int_equal(c->sel.src.addr.family, AF_UNSPEC);
	assert_memory_equal(&c->life, &life, sizeof(life));
}

static void
reads_udp_encapsulation(void **state)
{
	struct ctl_xfrm m = rig_decode(sa_add_encap);

	(void)state;
	assert_int_equal(m.sa.config.encap_sport_be, htons(4500));
	assert_int_equal(m.sa.config.encap_dport_be, htons(4500));
	assert_int_equal(m.sa.config.mapping_s, 0);
	m = rig_decode(sa_add);
	assert_true(m.sa.config.encap_sport_be == 0 && m.sa.config.encap_dport_be == 0);
}

static void
reads_the_other_requests_about_sas(void **state)
{
	const struct sadb_addr dst = rig_addr("198.51.100.2");
	const struct sadb_sa_key deleted = sadb_sa_key_make(&dst, htonl(0x1001), IPPROTO_ESP);
	const struct sadb_sa_key wanted = sadb_sa_key_make(&dst, htonl(0x2001), IPPROTO_ESP);
	struct ctl_xfrm m = rig_decode(sa_delete);

	(void)state;
	assert_int_equal(m.type, XFRM_MSG_DELSA);
	assert_memory_equal(&m.sa_id, &deleted, sizeof(deleted));
	m = rig_decode(sa_get);
	assert_int_equal(m.type, XFRM_MSG_GETSA);
	assert_memory_equal(&m.sa_id, &wanted, sizeof(wanted));
	m = rig_decode(sa_alloc_spi);
	assert_int_equal(m.type, XFRM_MSG_ALLOCSPI);
	assert_int_equal(m.sa.spi_min, 0x1000);
	assert_int_equal(m.sa.spi_max, 0x1fff);
	assert_int_equal(m.sa.config.reqid, 7);
	assert_addr(&m.sa.config.src, "192.0.2.1");
	assert_true(m.sa.config.life.hard_bytes == SADB_INF);
	assert_int_equal(rig_decode(sa_flush).proto, 0);
	assert_int_equal(rig_decode(sa_flush_esp).proto, IPPROTO_ESP);
	assert_int_equal(rig_decode(sa_count).type, XFRM_MSG_GETSADINFO);
	assert_int_equal(rig_decode(policy_count).type, XFRM_MSG_GETSPDINFO);
}

static void
reads_the_filter_of_a_dump(void **state)
{
	struct ctl_xfrm m = rig_decode(sa_list);

	(void)state;
	assert_int_equal(m.type, XFRM_MSG_GETSA);
	assert_true((m.flags & NLM_F_DUMP) == NLM_F_DUMP);
	assert_int_equal(m.filter.src.addr.family, AF_UNSPEC);
	assert_int_equal(m.filter.proto, 0);
	m = rig_decode(sa_list_filtered);
	assert_prefix(&m.filter.src, "192.0.2.0/24");
	assert_prefix(&m.filter.dst, "0.0.0.0/0");
	assert_int_equal(m.filter.proto, IPPROTO_ESP);
	assert_int_equal(rig_decode(policy_list).type, XFRM_MSG_GETPOLICY);
}

static void
reads_policies_in_every_direction_and_action(void **state)
{
	static const struct {
		const char *hex;
		uint8_t dir, action;
		uint32_t vnet_id, priority;
	} table[] = {
	    {policy_add_out, SADB_POLICY_OUT, SADB_PROTECT, 0x64, 100},
	    {policy_add_in, SADB_POLICY_IN, SADB_PROTECT, 0, 0},
	    {policy_add_fwd, SADB_POLICY_FWD, SADB_PROTECT, 0, 0},
	    {policy_add_bypass, SADB_POLICY_OUT, SADB_BYPASS, 0, 0},
	    {policy_add_block, SADB_POLICY_IN, SADB_DROP, 0, 0},
	    {policy_update, SADB_POLICY_OUT, SADB_PROTECT, 0x64, 90},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ctl_xfrm m = rig_decode(table[i].hex);

		assert_int_equal(m.policy.config.dir, table[i].dir);
		assert_int_equal(m.policy.config.action, table[i].action);
		assert_int_equal(m.policy.config.vnet_id, table[i].vnet_id);
		assert_int_equal(m.policy.config.priority, table[i].priority);
		assert_prefix(&m.policy.config.sel.dst, "10.2.0.0/16");
	}
}

static void
reads_the_template_and_the_ports(void **state)
{
	struct ctl_xfrm m = rig_decode(policy_add_out_spi);
	const struct sadb_template *t = &m.policy.config.tmpl;

	(void)state;
	assert_addr(&t->src, "192.0.2.1");
	assert_addr(&t->dst, "198.51.100.2");
	assert_int_equal(t->spi_be, htonl(0x1001));
	assert_int_equal(t->reqid, 7);
	assert_int_equal(t->proto, IPPROTO_ESP);
	assert_int_equal(t->mode, XFRM_MODE_TUNNEL);
	m = rig_decode(policy_add_icmp);
	assert_int_equal(m.policy.config.sel.proto, IPPROTO_ICMP);
	assert_int_equal(m.policy.config.sel.sport_be, htons(8));
	assert_int_equal(m.policy.config.sel.sport_mask_be, 0xffff);
	assert_int_equal(m.policy.config.sel.dport_be, 0);
	assert_int_equal(m.policy.config.sel.dport_mask_be, 0xffff);
	m = rig_decode(policy_add_ports);
	assert_int_equal(m.policy.config.sel.proto, IPPROTO_TCP);
	assert_int_equal(m.policy.config.sel.sport_be, htons(1024));
	assert_int_equal(m.policy.config.sel.dport_be, htons(443));
}

static void
reads_which_policy_is_meant(void **state)
{
	struct ctl_xfrm m = rig_decode(policy_delete);

	(void)state;
	assert_int_equal(m.type, XFRM_MSG_DELPOLICY);
	assert_int_equal(m.policy.config.index, 0);
	assert_int_equal(m.policy.config.dir, SADB_POLICY_OUT);
	assert_int_equal(m.policy.config.vnet_id, 0x64);
	assert_prefix(&m.policy.config.sel.src, "10.1.0.0/16");
	m = rig_decode(policy_get_index);
	assert_int_equal(m.type, XFRM_MSG_GETPOLICY);
	assert_int_equal(m.policy.config.index, 9);
	assert_int_equal(rig_decode(policy_get).policy.config.vnet_id, 0x64);
	assert_int_equal(rig_decode(policy_delete_index).policy.config.index, 8);
	assert_int_equal(rig_decode(policy_flush).type, XFRM_MSG_FLUSHPOLICY);
}

static void
reads_what_the_kernel_answers(void **state)
{
	struct ctl_xfrm m = rig_decode(kernel_policy);

	(void)state;
	assert_int_equal(m.policy.config.action, SADB_PROTECT);
	assert_int_equal(m.policy.config.priority, 90);
	assert_int_equal(m.policy.config.index, 1);
	assert_true(m.policy.add_time_s > 1000000000);
	m = rig_decode(kernel_sad_info);
	assert_int_equal(m.sad.count, 1);
	assert_int_equal(m.sad.hash_now, 8);
	assert_int_equal(m.sad.hash_max, 0x100000);
	m = rig_decode(kernel_spd_info);
	assert_int_equal(m.spd.in, 2);
	assert_int_equal(m.spd.out, 10);
	assert_int_equal(m.spd.fwd, 1);
	m = rig_decode(kernel_larval_sa);
	assert_int_equal(m.sa.config.aead, SADB_AEAD_NONE);
	assert_int_equal(m.sa.config.reqid, 7);
	assert_in_range(ntohl(m.sa.config.spi_be), 0x1000, 0x1fff);
}

static size_t
encode_again(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_xfrm *m)
{
	const struct sadb_policy_info info = {.config = m->policy.config};

	switch (m->type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return ctl_xfrm_encode_sa(buf, size, header, &m->sa.config, NULL);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return ctl_xfrm_encode_policy(buf, size, header, &info);
	case XFRM_MSG_DELPOLICY:
		return ctl_xfrm_encode_policy_id(buf, size, header, &m->policy.config);
	case XFRM_MSG_GETPOLICY:
		if (!(m->flags & NLM_F_DUMP))
			return ctl_xfrm_encode_policy_id(buf, size, header, &m->policy.config);
		return ctl_xfrm_encode_get(buf, size, header);
	default:
		return ctl_xfrm_encode_flush_policy(buf, size, header);
	}
}

static void
writes_the_bytes_that_iproute2_writes(void **state)
{
	static const char *const table[] = {
	    sa_add,         sa_update,         policy_add_out,   policy_add_out_spi, policy_add_in,
	    policy_add_fwd, policy_add_bypass, policy_add_block, policy_add_icmp,    policy_add_ports,
	    policy_update,  policy_get,        policy_delete,    policy_list,        policy_flush,
	};
	uint8_t buf[1024] __attribute__((aligned(8)));

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr *nlh = rig_message(table[i]);
		struct xfrm_usersa_info *info = NLMSG_DATA(nlh);
		struct ctl_xfrm m = rig_decode(table[i]);

		/* iproute2 leaves the selector's family out where the SA's is meant; Culvert writes it. */
		if ((m.type == XFRM_MSG_NEWSA || m.type == XFRM_MSG_UPDSA) && !(info->flags & XFRM_STATE_AF_UNSPEC))
			info->sel.family = AF_INET;
		assert_int_equal(encode_again(buf, sizeof(buf), nlh, &m), nlh->nlmsg_len);
		assert_memory_equal(buf, nlh, nlh->nlmsg_len);
		free(nlh);
	}
}

static void
reads_policies_and_sas_for_ipv6(void **state)
{
	struct ctl_xfrm m = rig_decode(policy_add_ipv6);
	const struct sadb_policy_config *p = &m.policy.config;

	(void)state;
	assert_prefix(&p->sel.src, "2001:db8:1::/48");
	assert_prefix(&p->sel.dst, "2001:db8:2::/48");
	assert_int_equal(p->action, SADB_PROTECT);
	assert_addr(&p->tmpl.src, "2001:db8::1");
	assert_addr(&p->tmpl.dst, "2001:db8::2");
	m = rig_decode(sa_add_ipv6);
	assert_addr(&m.sa.config.src, "2001:db8::1");
	assert_addr(&m.sa.config.dst, "2001:db8::2");
	assert_prefix(&m.sa.config.sel.src, "::/0"); /* the kernel's rule: the SA's family */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_an_sa_that_ip_xfrm_adds),
	    cmocka_unit_test(reads_the_other_algorithms),
	    cmocka_unit_test(reads_transport_mode_as_the_underlays),
	    cmocka_unit_test(reads_esn_with_its_sequence_numbers_and_if_id),
	    cmocka_unit_test(reads_flags_and_lifetimes),
	    cmocka_unit_test(reads_udp_encapsulation),
	    cmocka_unit_test(reads_the_other_requests_about_sas),
	    cmocka_unit_test(reads_the_filter_of_a_dump),
	    cmocka_unit_test(reads_policies_in_every_direction_and_action),
	    cmocka_unit_test(reads_the_template_and_the_ports),
	    cmocka_unit_test(reads_which_policy_is_meant),
	    cmocka_unit_test(reads_what_the_kernel_answers),
	    cmocka_unit_test(writes_the_bytes_that_iproute2_writes),
	    cmocka_unit_test(reads_policies_and_sas_for_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause
 * What is accepted as an SA: one unsound field a line. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

typedef void (*spoil_fn)(struct sadb_sa_config *config);

static void
spoil_proto(struct sadb_sa_config *c)
{
	c->proto = IPPROTO_AH;
}
static void
spoil_mode(struct sadb_sa_config *c)
{
	c->mode = XFRM_MODE_BEET;
}
static void
spoil_spi(struct sadb_sa_config *c)
{
	c->spi_be = rte_cpu_to_be_32(255);
}
static void
spoil_spi_zero(struct sadb_sa_config *c)
{
	c->spi_be = 0;
}
static void
spoil_aead(struct sadb_sa_config *c)
{
	c->aead = SADB_AEAD_NONE;
}
static void
spoil_key_bytes(struct sadb_sa_config *c)
{
	c->key_bytes = 24;
}
static void
spoil_no_key(struct sadb_sa_config *c)
{
	c->key_bytes = 0;
}
static void
spoil_long_key(struct sadb_sa_config *c)
{
	c->key_bytes = 33;
}
static void
spoil_zero_key(struct sadb_sa_config *c)
{
	memset(c->key, 0, sizeof(c->key));
}
static void
spoil_vnet(struct sadb_sa_config *c)
{
	c->vnet_id = 9;
}
static void
spoil_window(struct sadb_sa_config *c)
{
	c->window_packets = 65537;
}
static void
spoil_esn_window(struct sadb_sa_config *c)
{
	c->flags = SADB_SA_ESN;
	c->window_packets = 0;
}
static void
spoil_flags(struct sadb_sa_config *c)
{
	c->flags = 1 << 20;
}
static void
spoil_dir(struct sadb_sa_config *c)
{
	c->dir = 3;
}
static void
spoil_seq(struct sadb_sa_config *c)
{
	c->out_seq = UINT64_C(1) << 32;
}
static void
spoil_in_seq(struct sadb_sa_config *c)
{
	c->in_seq = UINT64_C(1) << 32;
}
static void
spoil_dst(struct sadb_sa_config *c)
{
	c->dst = sadb_addr_v4(0);
}
static void
spoil_src(struct sadb_sa_config *c)
{
	c->src = sadb_addr_v4(0);
}
static void
spoil_family(struct sadb_sa_config *c)
{
	c->dst.family = AF_INET6;
}
static void
spoil_sel_len(struct sadb_sa_config *c)
{
	c->sel.src = rig_prefix("10.0.0.0/8");
	c->sel.src.len = 33;
}
static void
spoil_sel_mix(struct sadb_sa_config *c)
{
	c->sel.src = rig_prefix("10.0.0.0/8");
	c->sel.dst = rig_prefix("::/0");
}

static void
spoil_encap_sport(struct sadb_sa_config *c)
{
	c->encap_dport_be = RTE_BE16(4500);
}
static void
spoil_encap_dport(struct sadb_sa_config *c)
{
	c->encap_sport_be = RTE_BE16(4500);
}
static void
spoil_mapping(struct sadb_sa_config *c)
{
	c->mapping_s = 5;
}
static void
spoil_mapping_dir(struct sadb_sa_config *c)
{
	c->encap_sport_be = c->encap_dport_be = RTE_BE16(4500);
	c->mapping_s = 5;
	c->dir = SADB_DIR_OUT;
}

static void
what_is_no_sound_sa_is_refused_with_a_reason(void **state)
{
	static const struct {
		spoil_fn spoil;
		int rc;
		uint16_t attr;
	} cases[] = {
	    {spoil_proto, -EPROTONOSUPPORT, 0},
	    {spoil_mode, -EINVAL, 0},
	    {spoil_spi, -EINVAL, 0},
	    {spoil_spi_zero, -EINVAL, 0},
	    {spoil_aead, -EINVAL, XFRMA_ALG_AEAD},
	    {spoil_key_bytes, -EINVAL, XFRMA_ALG_AEAD},
	    {spoil_no_key, -EINVAL, XFRMA_ALG_AEAD},
	    {spoil_long_key, -EINVAL, XFRMA_ALG_AEAD},
	    {spoil_zero_key, -EINVAL, XFRMA_ALG_AEAD},
	    {spoil_vnet, -ENODEV, XFRMA_IF_ID},
	    {spoil_window, -EINVAL, XFRMA_REPLAY_ESN_VAL},
	    {spoil_esn_window, -EINVAL, XFRMA_REPLAY_ESN_VAL},
	    {spoil_flags, -EINVAL, 0},
	    {spoil_dir, -EINVAL, 0},
	    {spoil_seq, -EINVAL, XFRMA_REPLAY_VAL},
	    {spoil_in_seq, -EINVAL, XFRMA_REPLAY_VAL},
	    {spoil_dst, -EINVAL, 0},
	    {spoil_src, -EINVAL, XFRMA_SRCADDR},
	    {spoil_family, -EAFNOSUPPORT, 0},
	    {spoil_sel_len, -EINVAL, 0},
	    {spoil_sel_mix, -EINVAL, 0},
	    {spoil_encap_sport, -EINVAL, XFRMA_ENCAP},
	    {spoil_encap_dport, -EINVAL, XFRMA_ENCAP},
	    {spoil_mapping, -EINVAL, XFRMA_MTIMER_THRESH},
	    {spoil_mapping_dir, -EINVAL, XFRMA_MTIMER_THRESH},
	};
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_sa_config config = rig_sa(1);
		struct sadb_error err = {{0}, 0};
		cases[i].spoil(&config);
		assert_int_equal(sadb_sa_add(db, &config, &err), cases[i].rc);
		assert_int_equal(err.attr, cases[i].attr);
		assert_true(strlen(err.text) > 10);
		assert_int_equal(sadb_sa_count(db), 0);
	}
	rig_add(db, 1); /* the refused ones left nothing in the way */
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_no_sound_sa_is_refused_with_a_reason)};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause
 * Dumps and events of the server: complete, in order, and never in the way of others when their reader is slow or dead. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#define MANY 2000

static void
fill(struct rig *rig, void *arg)
{
	struct sadb_error err;

	(void)arg;
	for (uint32_t i = 0; i < MANY; i++) {
		struct sadb_sa_config c = rig_sa(0x10000 + i);

		c.window_packets = 4096; /* half a kilobyte of bitmap each: a dump of 40 datagrams */
		assert_int_equal(sadb_sa_add(rig->db, &c, &err), 0);
	}
	assert_int_equal(sadb_commit(rig->db, &err), 0);
}

/* Sends a request without waiting for its answer. */
static void
send_raw(const struct rig *rig, struct ctl_client *client, const void *data, size_t bytes)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	memcpy(to.sun_path, rig->path, sizeof(rig->path));
	assert_int_equal(sendto(ctl_client_fd(client), data, bytes, 0, (struct sockaddr *)&to, sizeof(to)), bytes);
}

static void
ask_for_all_sas(const struct rig *rig, struct ctl_client *client)
{
	const struct nlmsghdr nlh = {.nlmsg_len = sizeof(nlh),
				     .nlmsg_type = XFRM_MSG_GETSA,
				     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				     .nlmsg_seq = 77,
				     .nlmsg_pid = 88};

	send_raw(rig, client, &nlh, sizeof(nlh));
}

static bool interrupted; /* the end of the last dump said so */

/* One datagram of a dump: counts its SAs. True at the end. */
static bool
read_part(struct ctl_client *client, uint8_t seen[MANY], unsigned *n)
{
	static uint8_t in[CTL_DATAGRAM_MAX + 1] __attribute__((aligned(8)));
	struct pollfd wait = {.fd = ctl_client_fd(client), .events = POLLIN};

	assert_int_equal(poll(&wait, 1, 5000), 1);
	int left = (int)recv(ctl_client_fd(client), in, sizeof(in), 0);
	assert_in_range(left, NLMSG_HDRLEN, CTL_DATAGRAM_MAX);
	for (const struct nlmsghdr *nlh = (struct nlmsghdr *)in; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		struct ctl_xfrm m;
		struct sadb_error err;

		assert_true(nlh->nlmsg_flags & NLM_F_MULTI);
		assert_int_equal(nlh->nlmsg_seq, 77);
		assert_int_equal(nlh->nlmsg_pid, 88);
		interrupted = (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
		assert_int_equal(nlh->nlmsg_type, XFRM_MSG_NEWSA);
		assert_int_equal(ctl_xfrm_decode(nlh, &m, &err), 0);
		uint32_t i = ntohl(m.sa.config.spi_be) - 0x10000;
		assert_in_range(i, 0, MANY - 1);
		assert_int_equal(seen[i]++, 0);
		++*n;
	}
	return false;
}

static void
a_dump_is_whole_however_slowly_it_is_read(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *reader = rig_client(rig);
	static uint8_t seen[MANY];
	unsigned n = 0, parts = 0;
	struct ctl_xfrm info;
	bool done = false;

	memset(seen, 0, sizeof(seen));
	rig_call(rig, fill, NULL);
	ask_for_all_sas(rig, reader);
	/* Between any two datagrams the server serves someone else, and the database changes. */
	while (!done) {
		const struct sadb_sa_config gone = rig_sa(0x10000 + MANY - 1);

		assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
		if (parts++ == 3)
			assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &gone, NULL), 0);
		done = read_part(reader, seen, &n);
	}
	assert_int_equal(n, MANY - 1);
	assert_true(interrupted); /* whoever wants all of one moment asks again */
	assert_true(parts > 30);
	/* The dump is over: another may start. */
	n = 0;
	memset(seen, 0, sizeof(seen));
	ask_for_all_sas(rig, reader);
	while (!read_part(reader, seen, &n))
		continue;
	assert_int_equal(n, MANY - 1);
	assert_false(interrupted);
	ctl_client_close(reader);
}

static int
count(void *arg, const struct nlmsghdr *nlh)
{
	(void)nlh;
	++*(unsigned *)arg;
	return 0;
}

static void
a_dump_can_be_filtered_and_only_one_runs_for_a_client(void **state)
{
	static const struct {
		const char *src;
		uint8_t splen, proto;
		unsigned n;
	} table[] = {
	    {"192.0.2.0", 24, 0, 3},
	    {"192.0.2.1", 32, IPPROTO_ESP, 3},
	    {"192.0.2.2", 32, 0, 0},
	    {"192.0.2.0", 24, IPPROTO_AH, 0},
	};
	struct rig *rig = *state;
	struct ctl_client_error err;

	for (uint32_t spi = 0x1000; spi < 0x1003; spi++) {
		const struct sadb_sa_config c = rig_sa(spi);
		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	}
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr *nlh = calloc(1, sizeof(*nlh));
		struct xfrm_address_filter filter = {.family = AF_INET, .splen = table[i].splen};
		const struct sadb_addr src = rig_addr(table[i].src);
		unsigned n = 0;

		*nlh = (struct nlmsghdr){
		    .nlmsg_len = sizeof(*nlh), .nlmsg_type = XFRM_MSG_GETSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
		filter.saddr.a4 = sadb_addr_to_v4(&src);
		nlh = rig_add(nlh, XFRMA_ADDRESS_FILTER, &filter, sizeof(filter));
		nlh = rig_add(nlh, XFRMA_PROTO, &table[i].proto, 1);
		assert_int_equal(ctl_client_ask(rig->client, nlh, count, &n, &err), 0);
		assert_int_equal(n, table[i].n);
		free(nlh);
	}
	struct ctl_client *reader = rig_client(rig);
	rig_call(rig, fill, NULL);
	ask_for_all_sas(rig, reader);
	ask_for_all_sas(rig, reader);
	unsigned busy = 0, done = 0;
	while (done == 0) {
		uint8_t in[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
		int left = (int)recv(ctl_client_fd(reader), in, sizeof(in), 0);
		for (const struct nlmsghdr *m = (struct nlmsghdr *)in; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			done += m->nlmsg_type == NLMSG_DONE;
			if (m->nlmsg_type == NLMSG_ERROR)
				busy += ((struct nlmsgerr *)NLMSG_DATA(m))->error == -EBUSY;
		}
	}
	assert_int_equal(busy, 1);
	assert_int_equal(done, 1);
	ctl_client_close(reader);
}

/* A child that begins a dump, reads one datagram of it and waits for its end. */
static pid_t
start_reader(const struct rig *rig)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct ctl_client_error err;
		struct ctl_client *client = ctl_client_open(rig->path, &err);
		static uint8_t in[CTL_DATAGRAM_MAX];

		if (!client)
			_exit(1);
		ask_for_all_sas(rig, client);
		if (recv(ctl_client_fd(client), in, sizeof(in), 0) <= 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void
a_client_killed_amid_its_dump_leaves_nothing_behind(void **state)
{
	struct rig *rig = *state;
	struct ctl_xfrm info;
	int status;

	rig_call(rig, fill, NULL);
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = start_reader(rig);

		assert_int_equal(rig_client_files(rig), 2);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		/* Each answer is one turn of the server's loop, in which it learns of the death. */
		for (unsigned turn = 0; rig_client_files(rig) > 1 && turn < 1000; turn++)
			assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
		assert_int_equal(rig_client_files(rig), 1);
		assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
		assert_int_equal(info.sad.count, MANY);
	}
}

static void
publish_tables(struct rig *rig, void *arg)
{
	struct sadb_route routes[600];
	const struct sadb_neigh neigh = {.addr_v4_be = htonl(0xc0000209), .port = 1, .mac = {2, 0, 0, 0, 0, 9}};

	(void)arg;
	memset(routes, 0, sizeof(routes));
	for (uint32_t i = 0; i < 600; i++) {
		routes[i].dst = (struct sadb_prefix){sadb_addr_v4(htonl(0x0a000000 + (i << 8))), 24};
		routes[i].gateway = rig_addr("10.255.0.1");
	}
	sadb_vnet_fib_set(rig->db, sadb_vnet_find(rig->db, RIG_VNET), sadb_fib_create(routes, 600));
	sadb_vnet_fib_set(rig->db, sadb_underlay(rig->db), sadb_fib_create(routes, 2));
	sadb_neighs_set(rig->db, sadb_neigh_table_create(&neigh, 1));
}

struct tally {
	unsigned n, underlay, blue, drops;
};

static int
tally(void *arg, const struct nlmsghdr *nlh)
{
	static struct ctl_own own;
	struct tally *t = arg;
	struct sadb_error err;

	assert_int_equal(ctl_own_decode(nlh, &own, &err), 0);
	t->n++;
	if (own.type == CTL_MSG_ROUTE) {
		t->underlay += own.route.underlay;
		t->blue += own.route.vnet_id == RIG_VNET;
	} else if (own.type == CTL_MSG_VNET && own.vnet.id == RIG_VNET) {
		assert_string_equal(own.vnet.name, "blue");
		assert_int_equal(own.vnet.sa_count, 1);
		t->blue++;
	} else if (own.type == CTL_MSG_WORKER) {
		t->drops = own.worker.n_drops;
	} else if (own.type == CTL_MSG_NEIGH) {
		assert_int_equal(own.neigh.port, 1);
	}
	return 0;
}

static struct tally
dump_own(struct rig *rig, uint16_t type, uint16_t flags)
{
	const struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
	uint8_t buf[64] __attribute__((aligned(8)));
	struct ctl_client_error err;
	struct tally t = {0};

	assert_true(ctl_own_encode_get(buf, sizeof(buf), &h) > 0);
	assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)buf, tally, &t, &err), 0);
	return t;
}

static void
culverts_own_tables_are_dumped(void **state)
{
	struct rig *rig = *state;
	const struct sadb_sa_config c = rig_sa(0x1001);
	struct tally t;

	assert_int_equal(dump_own(rig, CTL_MSG_ROUTE_GET, NLM_F_DUMP).n, 0);
	assert_int_equal(dump_own(rig, CTL_MSG_NEIGH_GET, NLM_F_DUMP).n, 0);
	assert_int_equal(dump_own(rig, CTL_MSG_PORT_GET, NLM_F_DUMP).n, 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	rig_call(rig, publish_tables, NULL);
	t = dump_own(rig, CTL_MSG_ROUTE_GET, NLM_F_DUMP);
	assert_true(t.n == 602 && t.underlay == 2 && t.blue == 600);
	assert_int_equal(dump_own(rig, CTL_MSG_NEIGH_GET, NLM_F_DUMP).n, 1);
	t = dump_own(rig, CTL_MSG_VNET_GET, NLM_F_DUMP);
	assert_true(t.n == 2 && t.blue == 1);
}

/* The linker puts this in the place of sadb_sa_at() (meson.build). */
static unsigned looks;
const struct sadb_sa_cold *__real_sadb_sa_at(const struct sadb *db, uint32_t slot);
const struct sadb_sa_cold *__wrap_sadb_sa_at(const struct sadb *db, uint32_t slot);

const struct sadb_sa_cold *
__wrap_sadb_sa_at(const struct sadb *db, uint32_t slot)
{
	__atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED); /* the value alone counts */
	return __real_sadb_sa_at(db, slot);
}

static void
a_dump_of_the_virtual_networks_does_not_go_through_the_sas(void **state)
{
	struct rig *rig = *state;
	const struct sadb_sa_config blue = rig_sa(0x1001);
	struct sadb_sa_config green = rig_sa(0x1002);
	struct tally t;

	green.vnet_id = RIG_VNET + 1;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &blue), 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &green), 0);
	__atomic_store_n(&looks, 0, __ATOMIC_RELAXED);
	t = dump_own(rig, CTL_MSG_VNET_GET, NLM_F_DUMP);
	assert_true(t.n == 2 && t.blue == 1);
	assert_int_equal(__atomic_load_n(&looks, __ATOMIC_RELAXED), 0); /* the CLI asks for it with every command */
}

/* Ten datagrams wait in the client's socket, one in the server: it looks at no more SAs than fit. */
static void
a_dump_that_nobody_reads_takes_no_more_memory(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *reader = rig_client(rig);
	struct ctl_xfrm info;

	rig_call(rig, fill, NULL);
	__atomic_store_n(&looks, 0, __ATOMIC_RELAXED);
	ask_for_all_sas(rig, reader);
	for (unsigned turn = 0; turn < 200; turn++)
		assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
	assert_in_range(__atomic_load_n(&looks, __ATOMIC_RELAXED), 1, MANY / 2);
	ctl_client_close(reader);
}

static void
counters_of_workers_are_dumped(void **state)
{
	struct rig *rig = *state;
	struct tally t;

	t = dump_own(rig, CTL_MSG_WORKER_GET, NLM_F_DUMP);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.drops, DP_DROP_COUNT);
	t = dump_own(rig, CTL_MSG_WORKER_GET, NLM_F_ROOT);
	assert_true(t.n == 1 && t.drops == 0);
}

static void
policies_are_dumped_in_order(void **state)
{
	struct rig *rig = *state;
	unsigned n = 0;
	struct ctl_client_error err;
	struct nlmsghdr nlh = {
	    .nlmsg_len = sizeof(nlh), .nlmsg_type = XFRM_MSG_GETPOLICY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};

	for (unsigned i = 0; i < 200; i++) {
		char dst[32];
		snprintf(dst, sizeof(dst), "10.2.%u.0/24", i);
		struct sadb_policy_info p = rig_policy(dst, (uint8_t)(i % SADB_POLICY_DIRS));
		assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	}
	assert_int_equal(ctl_client_ask(rig->client, &nlh, count, &n, &err), 0);
	assert_int_equal(n, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_dump_is_whole_however_slowly_it_is_read, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_dump_can_be_filtered_and_only_one_runs_for_a_client, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_client_killed_amid_its_dump_leaves_nothing_behind, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(culverts_own_tables_are_dumped, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_dump_of_the_virtual_networks_does_not_go_through_the_sas, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(a_dump_that_nobody_reads_takes_no_more_memory, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(counters_of_workers_are_dumped, rig_create_with_workers, rig_destroy),
	    cmocka_unit_test_setup_teardown(policies_are_dumped_in_order, rig_create, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}

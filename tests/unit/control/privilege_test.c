/* SPDX-License-Identifier: BSD-3-Clause
 * Who the daemon will be, by its configuration; the drop itself is seen end to end. */
#include "control/privilege.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/config.h"

static void
root_stays_where_it_must_or_shall(void **state)
{
	static const struct {
		const char *user, *device;
		unsigned line;
		int rc;
		bool drops;
	} table[] = {
	    {"nobody", "net_af_xdp0,iface=eth1", 3, 0, true},
	    {"nobody", "net_af_xdp0,iface=eth1", 0, 0, true},
	    {"nobody", "0000:3b:00.0", 3, 0, false},
	    {"root", "net_af_xdp0,iface=eth1", 3, 0, false},
	    {"culvert-not-there", "net_af_xdp0,iface=eth1", 0, 0, false}, /* the default, on a system without it */
	    {"culvert-not-there", "net_af_xdp0,iface=eth1", 3, -ENOENT, false},
	};
	const struct passwd *nobody = getpwnam("nobody");

	(void)state;
	if (nobody == NULL)
		skip();
	const uid_t uid = nobody->pw_uid;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ctl_config_port port = {.underlay = true};
		char file[] = "test.yaml";
		struct ctl_config config = {.file = file, .n_ports = 1, .ports = &port, .user_line = table[i].line};
		struct ctl_privilege privilege;

		snprintf(port.device, sizeof(port.device), "%s", table[i].device);
		snprintf(config.user, sizeof(config.user), "%s", table[i].user);
		assert_int_equal(ctl_privilege_choose(&config, &privilege), table[i].rc);
		assert_int_equal(privilege.uid, table[i].drops ? uid : 0);
	}
}

/* NET_ADMIN, NET_RAW, BPF: linux/capability.h. */
static void
devices_on_interfaces_and_no_others_can_be_opened_again(void **state)
{
	const uint64_t admin = UINT64_C(1) << 12, raw = UINT64_C(1) << 13, bpf = UINT64_C(1) << 39;
	const struct {
		const char *device[2];
		uint64_t needs;
	} table[] = {
	    {{"net_null0", "net_ring0"}, 0},
	    {{"0000:3b:00.0", ""}, 0},
	    {{"0000:3b:00.0", "net_af_packet0,iface=eth1"}, admin | raw},
	    {{"net_af_packet0,iface=eth1", ""}, admin | raw},
	    {{"net_af_packet0,iface=eth1", "net_af_xdp1,iface=eth2"}, admin | raw | bpf},
	    {{"", "net_af_xdp0,iface=eth1"}, admin | raw | bpf},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ctl_config_port ports[2] = {{.underlay = true}, {.underlay = false}};
		const struct ctl_config config = {.n_ports = 2, .ports = ports};

		for (unsigned k = 0; k < 2; k++)
			snprintf(ports[k].device, sizeof(ports[k].device), "%s", table[i].device[k]);
		assert_int_equal(ctl_privilege_devices(&config), table[i].needs);
	}
}

static void
files_are_that_users_in_between_and_only_there(void **state)
{
	const struct ctl_privilege other = {.uid = 65532, .gid = 65531}, root = {0};

	(void)state;
	if (geteuid() != 0)
		skip();
	ctl_privilege_files_begin(&other);
	assert_int_equal(setfsuid((uid_t)-1), other.uid); /* a number that is none only asks */
	assert_int_equal(setfsgid((gid_t)-1), other.gid);
	ctl_privilege_files_end();
	assert_int_equal(setfsuid((uid_t)-1), 0);
	assert_int_equal(setfsgid((gid_t)-1), getegid());
	ctl_privilege_files_begin(&root);
	assert_int_equal(setfsuid((uid_t)-1), 0);
	ctl_privilege_files_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_stays_where_it_must_or_shall),
	    cmocka_unit_test(devices_on_interfaces_and_no_others_can_be_opened_again),
	    cmocka_unit_test(files_are_that_users_in_between_and_only_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

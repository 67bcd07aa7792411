/* SPDX-License-Identifier: BSD-3-Clause
 * The configuration: what is read, and what garbage does (nothing). Mistakes: config_mistakes_test.c. */
#include "control/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROOM 8192

struct reports {
	char text[ROOM];
};

static void
collect(void *arg, const char *line)
{
	struct reports *reports = arg;
	const size_t n = strlen(reports->text);

	snprintf(reports->text + n, ROOM - n, "%s%s", n > 0 ? "\n" : "", line);
}

static struct ctl_config *
parse(const char *text, struct reports *reports)
{
	reports->text[0] = '\0';
	return ctl_config_parse("c.yaml", text, strlen(text), collect, reports);
}

#define WAN "ports:\n- {name: wan, device: \"net_af_xdp0,iface=eth1\", underlay: true, addresses: [192.0.2.1/24]}\n"

static const char whole[] = "log: debug\n"
			    "engine: openssl\n"
			    "workers: 2\n"
			    "cpus: \"2,3\"\n"
			    "poll: busy\n"
			    "idle_sleep_us: 10000\n"
			    "memory_mb: 512\n"
			    "packets: 8192\n"
			    "huge_pages: off\n"
			    "max_sas: 100\n"
			    "max_policies: 200\n"
			    "socket: /tmp/c.sock\n"
			    "group: wheel\n"
			    "user: gateway\n"
			    "state: /tmp/state\n"
			    "source: kernel\n"
			    "mirror_report_s: 3600\n"
			    "mirror_audit_s: 0\n"
			    "vnets:\n"
			    "  - name: blue\n"
			    "    id: 4294967295\n"
			    "  - {name: red, id: 0, default: bypass}\n"
			    "ports:\n"
			    "  - name: wan\n"
			    "    device: net_af_xdp0,iface=eth1\n"
			    "    underlay: true\n"
			    "    mtu: 9000\n"
			    "    addresses: [192.0.2.1/24, 198.51.100.0/31]\n"
			    "  - name: fifteen-letters\n"
			    "    device: 0000:3b:00.0\n"
			    "    underlay: false\n"
			    "    vnet: blue\n"
			    "routes:\n"
			    "  - to: 0.0.0.0/0\n"
			    "    via: 192.0.2.254\n"
			    "    port: wan\n"
			    "    metric: 4294967295\n"
			    "  - to: 10.9.0.0/16\n"
			    "    port: fifteen-letters\n"
			    "nat_t_port: 10500\n";

static void
every_key_arrives_in_its_place(void **state)
{
	struct reports reports;
	char text[SADB_ADDR_STRLEN];
	struct ctl_config *config;

	(void)state;
	config = parse(whole, &reports);
	assert_string_equal(reports.text, "");
	assert_non_null(config);
	assert_string_equal(config->file, "c.yaml");
	assert_string_equal(ctl_config_logs[config->log], "debug");
	assert_string_equal(ctl_config_engines[config->engine], "openssl");
	assert_int_equal(config->workers, 2);
	assert_string_equal(config->cpus, "2,3");
	assert_int_equal(config->poll, CTL_CONFIG_POLL_BUSY);
	assert_int_equal(config->idle_sleep_us, 10000);
	assert_int_equal(config->memory_mb, 512);
	assert_int_equal(config->packets, 8192);
	assert_int_equal(config->nat_t_port, 10500);
	assert_int_equal(config->huge_pages, CTL_CONFIG_HUGE_OFF);
	assert_int_equal(config->max_sas, 100);
	assert_int_equal(config->max_policies, 200);
	assert_string_equal(config->socket, "/tmp/c.sock");
	assert_string_equal(config->group, "wheel");
	assert_string_equal(config->user, "gateway");
	assert_string_equal(config->state, "/tmp/state");
	assert_int_equal(config->source, CTL_CONFIG_SOURCE_KERNEL);
	assert_int_equal(config->mirror_report_s, 3600);
	assert_int_equal(config->mirror_audit_s, 0);
	assert_int_equal(config->n_vnets, 2);
	assert_string_equal(config->vnets[0].name, "blue");
	assert_int_equal(config->vnets[0].id, UINT32_MAX);
	assert_int_equal(config->vnets[1].id, 0);
	assert_true(config->vnets[0].bypass == 0 && config->vnets[1].bypass == 1);
	assert_int_equal(config->n_ports, 2);
	assert_string_equal(config->ports[0].device, "net_af_xdp0,iface=eth1");
	assert_true(config->ports[0].underlay);
	assert_int_equal(config->ports[0].mtu, 9000);
	assert_int_equal(config->ports[0].device_line, 25);
	assert_int_equal(config->ports[0].n_addrs, 2);
	sadb_prefix_format(&config->ports[0].addrs[0].prefix, text, sizeof(text));
	assert_string_equal(text, "192.0.2.1/24");
	sadb_prefix_format(&config->ports[0].addrs[1].prefix, text, sizeof(text));
	assert_string_equal(text, "198.51.100.0/31");
	assert_string_equal(config->ports[1].name, "fifteen-letters");
	assert_string_equal(config->ports[1].vnet, "blue");
	assert_false(config->ports[1].underlay);
	assert_int_equal(config->ports[1].mtu, 1500);
	assert_int_equal(config->n_routes, 2);
	sadb_prefix_format(&config->routes[0].to, text, sizeof(text));
	assert_string_equal(text, "0.0.0.0/0");
	sadb_addr_format(&config->routes[0].via, text, sizeof(text));
	assert_string_equal(text, "192.0.2.254");
	assert_int_equal(config->routes[0].metric, UINT32_MAX);
	assert_string_equal(config->routes[0].port, "wan");
	assert_int_equal(config->routes[1].via.family, AF_UNSPEC);
	assert_int_equal(config->routes[1].line, 38);
	ctl_config_free(config);
}

static void
what_is_left_out_has_its_default(void **state)
{
	struct reports reports;
	struct ctl_config *config = parse(WAN "vnets:\nroutes: ~\n", &reports);

	(void)state;
	assert_string_equal(reports.text, "");
	assert_non_null(config);
	assert_string_equal(ctl_config_logs[config->log], "info");
	assert_string_equal(ctl_config_engines[config->engine], "auto");
	assert_int_equal(config->workers, 1);
	assert_string_equal(config->cpus, "");
	assert_int_equal(config->poll, CTL_CONFIG_POLL_ADAPTIVE);
	assert_int_equal(config->idle_sleep_us, 250);
	assert_int_equal(config->memory_mb, 256);
	assert_int_equal(config->packets, 16384);
	assert_int_equal(config->nat_t_port, 4500);
	assert_int_equal(config->huge_pages, CTL_CONFIG_HUGE_AUTO);
	assert_int_equal(config->max_sas, 4096);
	assert_int_equal(config->max_policies, 4096);
	assert_string_equal(config->socket, "/run/culvert/culvert.sock");
	assert_string_equal(config->group, "culvert");
	assert_string_equal(config->user, "culvert");
	assert_int_equal(config->user_line, 0);
	assert_string_equal(config->state, "/var/lib/culvert");
	assert_int_equal(config->source, CTL_CONFIG_SOURCE_SOCKET);
	assert_int_equal(config->mirror_report_s, 5);
	assert_int_equal(config->mirror_audit_s, 60);
	assert_int_equal(config->n_vnets, 0);
	assert_int_equal(config->n_routes, 0);
	assert_int_equal(config->ports[0].mtu, 1500);
	ctl_config_free(config);
}

static void
a_pci_address_is_told_from_a_device_name(void **state)
{
	static const struct {
		const char *device;
		bool pci;
	} cases[] = {
	    {"0000:3b:00.0", true},
	    {"3b:00.0", true},
	    {"0000:3b:00.7,x=1", true},
	    {"0000:3b:00.8", false},
	    {"0000:3b:00", false},
	    {"0000:3b:00.0x", false},
	    {"net_af_xdp0,iface=3b:00.0", false},
	    {"net_null0", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ctl_config_is_pci(cases[i].device), cases[i].pci);
}

static void
a_truncated_file_is_a_mistake_or_a_configuration_and_never_more(void **state)
{
	const size_t bytes = strlen(whole);

	(void)state;
	for (size_t n = 0; n <= bytes; n++) {
		struct reports reports = {.text = ""};
		char *cut = malloc(n + 1); /* exactly as long as it is said to be: a read beyond is seen */
		struct ctl_config *config;

		assert_non_null(cut);
		memcpy(cut, whole, n);
		config = ctl_config_parse("c.yaml", cut, n, collect, &reports);
		assert_true((config == NULL) == (reports.text[0] != '\0'));
		ctl_config_free(config);
		free(cut);
	}
}

static void
a_changed_byte_never_crashes(void **state)
{
	static const char changes[] = "\0\t\n:-[{*&!|>\"#\xff\x80";
	const size_t bytes = strlen(whole);
	char *text = malloc(bytes);

	(void)state;
	assert_non_null(text);
	for (size_t at = 0; at < bytes; at++) {
		for (size_t c = 0; c < sizeof(changes) - 1; c++) {
			struct reports reports = {.text = ""};
			struct ctl_config *config;

			memcpy(text, whole, bytes);
			text[at] = changes[c];
			config = ctl_config_parse("c.yaml", text, bytes, collect, &reports);
			assert_true((config == NULL) == (reports.text[0] != '\0'));
			ctl_config_free(config);
		}
	}
	free(text);
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
	struct reports reports = {.text = ""};

	(void)state;
	assert_null(ctl_config_load("/nonexistent/c.yaml", collect, &reports));
	assert_string_equal(reports.text,
			    "/nonexistent/c.yaml: cannot read the configuration: No such file or directory");
	reports.text[0] = '\0';
	assert_null(ctl_config_load("/", collect, &reports));
	assert_string_equal(reports.text, "/: cannot read the configuration: Is a directory");
	reports.text[0] = '\0';
	assert_null(ctl_config_load("/dev/zero", collect, &reports));
	assert_string_equal(reports.text, "/dev/zero: longer than 1048576 bytes: not a configuration");
}

static void
a_file_on_disk_is_read(void **state)
{
	char name[] = "/tmp/culvert-config-XXXXXX";
	struct reports reports = {.text = ""};
	struct ctl_config *config;
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, WAN, strlen(WAN)), strlen(WAN));
	close(fd);
	config = ctl_config_load(name, collect, &reports);
	unlink(name);
	assert_string_equal(reports.text, "");
	assert_non_null(config);
	assert_string_equal(config->file, name);
	ctl_config_free(config);
}

/* The file that is installed has its example commented out; with the marks "#:" taken away it must be sound. */
static void
the_installed_file_is_sound_once_its_example_is_uncommented(void **state)
{
	const char *path = getenv("CULVERT_CONFIG");
	struct reports reports = {.text = ""};
	struct ctl_config *config;
	char text[ROOM];
	FILE *file;
	size_t n;

	(void)state;
	assert_non_null(path);
	assert_null(ctl_config_load(path, collect, &reports));
	assert_non_null(strstr(reports.text, ": ports: is missing; accepted: "));
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	for (char *at = text; (at = strstr(at, "\n#:")) != NULL;)
		memmove(at + 1, at + 3, strlen(at + 3) + 1);
	config = parse(text, &reports);
	assert_string_equal(reports.text, "");
	assert_non_null(config);
	assert_int_equal(config->n_ports, 4);
	assert_int_equal(config->n_vnets, 1);
	assert_int_equal(config->n_routes, 1);
	ctl_config_free(config);
}

static void
a_tunnel_has_its_ends_limits_and_command(void **state)
{
	struct reports reports;
	struct ctl_config *config = parse(
	    WAN "vnets: [{name: blue, id: 1}]\ntunnels:\n"
		"- {name: site, vnet: blue, local: 192.0.2.1, remote: 192.0.2.2,\n"
		"   local_prefixes: [10.1.0.0/24, 10.3.0.0/24],\n"
		"   remote_prefixes: [10.2.0.0/24], esn: false, algorithm: aes-256-gmac, window: 64,\n"
		"   hard_bytes: 1000000000000000000, soft_seconds: 50, overlap: 5,\n"
		"   tfc_pad: 1400, outer_dscp: 0, outer_df: clear, outer_ttl: 255, fragment: after,\n"
		"   exchange: \"ssh east 'a b'\"}\n"
		"- {name: two, vnet: blue, local: 192.0.2.1, remote: 192.0.2.3,\n"
		"   local_prefixes: [10.1.0.0/24], remote_prefixes: [10.4.0.0/24]}\n"
		"- {name: three, vnet: blue, local: 192.0.2.1, remote: 192.0.2.4, outer_df: set, fragment: before,\n"
		"   local_prefixes: [10.1.0.0/24], remote_prefixes: [10.5.0.0/24]}\n",
	    &reports);

	(void)state;
	if (config == NULL)
		fail_msg("%s", reports.text);
	assert_int_equal(config->n_tunnels, 3);
	const struct ctl_tunnel_config *site = &config->tunnels[0].config, *two = &config->tunnels[1].config;
	assert_int_equal(site->sa_flags, SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC | SADB_SA_FRAGMENT_AFTER);
	assert_true(site->tfc_pad_bytes == 1400 && site->outer_dscp == 0 && site->outer_ttl == 255);
	assert_true(two->sa_flags == 0 && two->tfc_pad_bytes == 0 && two->outer_ttl == 0);
	assert_int_equal(config->tunnels[2].config.sa_flags, SADB_SA_OUTER_DF);
	assert_string_equal(config->tunnels[0].vnet, "blue");
	assert_int_equal(config->tunnels[0].line, 5);
	assert_string_equal(site->name, "site");
	assert_int_equal(site->remote.bytes[3], 2);
	assert_int_equal(site->n_local, 2);
	assert_int_equal(site->local_prefix[1].addr.bytes[1], 3);
	assert_int_equal(site->n_remote, 1);
	assert_false(site->esn);
	assert_string_equal(site->algorithm->name, "aes-256-gmac");
	assert_string_equal(two->algorithm->name, "aes-256-gcm-16");
	assert_int_equal(site->window_packets, 64);
	assert_true(site->life.hard_bytes == UINT64_C(1000000000000000000) && site->life.hard_packets == SADB_INF);
	assert_int_equal(site->life.soft_add_s, 50);
	assert_int_equal(site->overlap_s, 5);
	assert_string_equal(site->exchange, "ssh east 'a b'");
	assert_true(two->esn);
	assert_int_equal(two->window_packets, CTL_TUNNEL_WINDOW);
	assert_int_equal(two->overlap_s, CTL_TUNNEL_OVERLAP_S);
	assert_string_equal(two->exchange, "");
	ctl_config_free(config);
}

/* A trunk may stand behind its VLANs, in a domain or in none; an MTU that is not given is the trunk's. */
static void
vlans_share_a_port_that_may_be_in_no_domain(void **state)
{
	static const char text[] = "vnets: [{name: red, id: 1}, {name: blue, id: 2}]\n"
				   "ports:\n"
				   "- {name: wan, on: trunk, vlan: 4094, underlay: true}\n"
				   "- {name: lan-red, on: trunk, vlan: 1, vnet: red, mtu: 1400}\n"
				   "- {name: trunk, device: net_null0, mtu: 9000}\n"
				   "- {name: lan, device: net_null1, vnet: blue}\n"
				   "- {name: lan-blue, on: lan, vlan: 4094, vnet: blue}\n";
	static const struct {
		const char *on;
		uint16_t vlan, mtu;
		bool trunk, twin;
	} rows[] = {
	    {"trunk", 4094, 9000, false, true}, {"trunk", 1, 1400, false, true},  {"", 0, 9000, true, false},
	    {"", 0, 1500, true, true},          {"lan", 4094, 1500, false, true},
	};
	struct reports reports;
	struct ctl_config *config = parse(text, &reports);

	(void)state;
	assert_string_equal(reports.text, "");
	assert_non_null(config);
	assert_int_equal(config->n_ports, sizeof(rows) / sizeof(rows[0]));
	for (unsigned i = 0; i < config->n_ports; i++) {
		assert_string_equal(config->ports[i].on, rows[i].on);
		assert_int_equal(config->ports[i].vlan, rows[i].vlan);
		assert_int_equal(config->ports[i].mtu, rows[i].mtu);
		assert_int_equal(config->ports[i].trunk, rows[i].trunk);
		assert_int_equal(ctl_config_port_has_twin(&config->ports[i]), rows[i].twin);
	}
	ctl_config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tunnel_has_its_ends_limits_and_command),
	    cmocka_unit_test(every_key_arrives_in_its_place),
	    cmocka_unit_test(vlans_share_a_port_that_may_be_in_no_domain),
	    cmocka_unit_test(what_is_left_out_has_its_default),
	    cmocka_unit_test(a_pci_address_is_told_from_a_device_name),
	    cmocka_unit_test(a_truncated_file_is_a_mistake_or_a_configuration_and_never_more),
	    cmocka_unit_test(a_changed_byte_never_crashes),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_named),
	    cmocka_unit_test(a_file_on_disk_is_read),
	    cmocka_unit_test(the_installed_file_is_sound_once_its_example_is_uncommented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

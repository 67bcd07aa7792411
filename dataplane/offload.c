/* SPDX-License-Identifier: BSD-3-Clause
 * Switches off what a kernel interface does to received packets. Features are found by name, as ethtool -K finds them: their bits differ from
 * kernel to kernel. Control thread. */
#include "dataplane/offload.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#define BLOCK_BITS   32U
#define FEATURES_MAX 1024U /* kernels have some 64 */

/* Hardware's before software's: an interface may fall back from one to the other. */
static const char *const features[DP_OFFLOADS][5] = {
    [DP_OFFLOAD_MERGING] = {"rx-lro", "rx-gro-hw", "rx-gro-list", "rx-gro"},
    [DP_OFFLOAD_TAGS] = {"rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"},
};

struct device {
	struct ifreq ifr;
	int fd;
};

static int
ask(struct device *device, void *question)
{
	device->ifr.ifr_data = question;
	return ioctl(device->fd, SIOCETHTOOL, &device->ifr) < 0 ? -errno : 0;
}

/* The names of all features, to be freed; NULL: the kernel cannot say. */
static struct ethtool_gstrings *
feature_names(struct device *device)
{
	union {
		struct ethtool_sset_info info;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} set;
	struct ethtool_gstrings *names;
	uint32_t n;

	memset(&set, 0, sizeof(set));
	set.info.cmd = ETHTOOL_GSSET_INFO;
	set.info.sset_mask = 1ULL << ETH_SS_FEATURES;
	if (ask(device, &set) < 0 || set.info.sset_mask == 0 || set.info.data[0] > FEATURES_MAX)
		return NULL;
	n = set.info.data[0];
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	if (names == NULL)
		return NULL;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	if (ask(device, names) == 0)
		return names;
	free(names);
	return NULL;
}

static bool
is_on(struct device *device, uint32_t bit)
{
	union {
		struct ethtool_gfeatures head;
		uint8_t room[sizeof(struct ethtool_gfeatures) +
			     FEATURES_MAX / BLOCK_BITS * sizeof(struct ethtool_get_features_block)];
	} get;

	memset(&get, 0, sizeof(get));
	get.head.cmd = ETHTOOL_GFEATURES;
	get.head.size = FEATURES_MAX / BLOCK_BITS;
	return ask(device, &get) == 0 && (get.head.features[bit / BLOCK_BITS].active & 1U << bit % BLOCK_BITS) != 0;
}

/* The kernel ends with success also where it did not do it: look. */
static int
switch_off(struct device *device, uint32_t bit, uint32_t n)
{
	union {
		struct ethtool_sfeatures head;
		uint8_t room[sizeof(struct ethtool_sfeatures) +
			     FEATURES_MAX / BLOCK_BITS * sizeof(struct ethtool_set_features_block)];
	} set;
	int rc;

	if (!is_on(device, bit))
		return 0;
	memset(&set, 0, sizeof(set));
	set.head.cmd = ETHTOOL_SFEATURES;
	set.head.size = (n + BLOCK_BITS - 1) / BLOCK_BITS;
	set.head.features[bit / BLOCK_BITS].valid = 1U << bit % BLOCK_BITS;
	rc = ask(device, &set);
	if (rc < 0)
		return rc;
	return is_on(device, bit) ? -EOPNOTSUPP : 0;
}

static bool
is_called(const struct ethtool_gstrings *names, uint32_t bit, const char *name)
{
	return strncmp((const char *)names->data + (size_t)bit * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN) == 0;
}

int
dp_offload_off(int fd, const char *iface, enum dp_offload which, const char **name)
{
	struct device device = {.fd = fd};
	struct ethtool_gstrings *names;
	int rc = 0;

	memcpy(device.ifr.ifr_name, iface, strnlen(iface, sizeof(device.ifr.ifr_name) - 1));
	names = feature_names(&device);
	for (unsigned i = 0; names != NULL && rc == 0 && features[which][i] != NULL; i++) {
		*name = features[which][i];
		for (uint32_t bit = 0; rc == 0 && bit < names->len; bit++)
			if (is_called(names, bit, *name))
				rc = switch_off(&device, bit, names->len);
	}
	free(names);
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause
 * One owner per sequence space: from the kernel's copy of an outbound SA to Culvert's. Control thread.
 *
 * 1. The event or dump said: the kernel's last number is o, and it had counted p packets of b bytes.
 * 2. NEWAE with a sequence of all ones and without use: from now on the kernel refuses (overflow), whatever it is given.
 * 3. GETSA: its sequence is all ones indeed, and it has counted q packets of c bytes in all. Numbers and counts go up
 *    together, under the kernel's lock: one number a packet, or one a segment of what GSO will cut up (esp4_offload), which
 *    is one packet all the same, but has a byte of its own in each segment at least. So the last number that the kernel ever
 *    used is at most o + max(q - p, c - b). (The kernel writes counts before numbers into its messages without that lock:
 *    what it sends meanwhile only makes this larger.) Culvert's first is above, and above all that its own store knows of
 *    the key.
 *
 * If this fails after the kernel may have stopped, its last number is lost. Then the key is spent here too, on disk as
 * well, before the SA goes.
 *
 * A copy that is spent already was Culvert's before: a restart, or an IKE daemon that read the SA and installed it again.
 * Then the store knows the numbers; if it does not, they are unknown, and the SA is not used. Nor is one whose key is
 * Culvert's already and that the kernel has sent under all the same, while no daemon ran: their numbers would meet. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/attr.h"

/* xfrm_replay_overflow_offload_esn() takes one from a sequence that it refuses to step over, so that the next packet is
 * sealed under the last number, and every second one after it again: one nonce for them all. It is in use for each SA that
 * was made while the module is there, with a device that offloads or without. */
int
ctl_mirror_check_stop(const struct ctl_mirror *mirror, const struct ctl_mirror_copy *copy, struct sadb_error *err)
{
	if (!copy->esn || !mirror->offload_path || access(mirror->offload_path, F_OK) != 0)
		return 0;
	return ctl_refuse(
	    err, copy->spent ? -EKEYREVOKED : -EOPNOTSUPP, 0,
	    "with its module esp4_offload the kernel does not stop at the last ESN number, but repeats it: "
	    "modprobe -r esp4_offload, and have the SA rekeyed");
}

static int
stop_kernel(struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, const struct ctl_mirror_copy *now)
{
	struct nlmsghdr header = ctl_mirror_header(XFRM_MSG_NEWAE, NLM_F_REPLACE | NLM_F_ACK);
	struct ctl_mirror_copy copy = *now;
	const struct ctl_mirror_ae ae = {.config = &entry->config, .copy = &copy};

	copy.out_seq = ctl_mirror_spent_seq(&copy);
	copy.in_seq = 0; /* nothing is received by an outbound SA */
	return ctl_mirror_ask(mirror, ctl_mirror_encode_ae(mirror->out, sizeof(mirror->out), &header, &ae), NULL, NULL);
}

struct reading {
	struct ctl_mirror_sa_msg *out;
	int rc;
};

static void
on_sa(void *arg, const struct nlmsghdr *nlh)
{
	struct reading *reading = arg;

	if (nlh->nlmsg_type == XFRM_MSG_NEWSA)
		reading->rc = ctl_mirror_get_sa(nlh, reading->out);
}

int
ctl_mirror_read_sa(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id, struct ctl_mirror_sa_msg *out)
{
	struct nlmsghdr header = ctl_mirror_header(XFRM_MSG_GETSA, NLM_F_ACK);
	struct sadb_sa_config config = {.spi_be = id->key.spi_be, .proto = id->key.proto};
	struct reading reading = {.out = out, .rc = -ESRCH};
	int rc;

	config.dst.family = id->key.family;
	memcpy(config.dst.bytes, id->key.dst, sizeof(config.dst.bytes));
	rc = ctl_mirror_ask(mirror, ctl_xfrm_encode_sa_id(mirror->out, sizeof(mirror->out), &header, &config), on_sa,
			    &reading);
	return rc ? rc : reading.rc;
}

static uint64_t
last_in_database(const struct sadb *db, const struct sadb_sa_key *key)
{
	const struct sadb_sa_cold *cold = sadb_sa_find(db, key);

	/* Relaxed: a value that only grows; here no worker has the SA, or it is past this anyway. */
	return cold && cold->hot ? __atomic_load_n(&cold->hot->mut->out_seq, __ATOMIC_RELAXED) : 0;
}

/* How many numbers the kernel used at most. */
static uint64_t
sent_between(const struct ctl_mirror_copy *before, const struct ctl_mirror_copy *now)
{
	uint64_t packets = now->packets - before->packets;
	uint64_t bytes = now->bytes > before->bytes ? now->bytes - before->bytes : 0;

	return packets == 0 || packets > bytes ? packets : bytes;
}

/* The kernel's copy is spent and has sent what it has sent: the SA goes on above. */
static int
start_above(struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *before,
	    const struct ctl_mirror_sa_msg *now, struct sadb_error *err)
{
	uint64_t known = last_in_database(mirror->config.db, &before->id.key);
	struct sadb_sa_config config;

	if (now->copy.packets < before->copy.packets)
		return ctl_refuse(err, -EKEYREVOKED, 0,
				  "the kernel's count of packets went back: its last number is unknown");
	uint64_t sent = sent_between(&before->copy, &now->copy);
	uint64_t last = before->copy.out_seq + sent;
	if (sent > 0 && before->copy.out_seq < known)
		return ctl_refuse(
		    err, -EKEYREVOKED, 0,
		    "the kernel sent %llu packets under numbers that were used here: the key must not be used",
		    (unsigned long long)(now->copy.packets - before->copy.packets));
	if (last < sent)
		return -EOVERFLOW;
	if (last <= known)
		return 0;
	config = ctl_mirror_sa_wanted(entry, before);
	config.out_seq = last;
	int rc = sadb_sa_update(mirror->config.db, &config, err);
	sadb_wipe(&config, sizeof(config));
	mirror->changed = true;
	return rc == -EINVAL ? -EOVERFLOW : rc; /* past the last number of all */
}

static int
stop_and_start(struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *before,
	       struct ctl_mirror_sa_msg *now, struct sadb_error *err)
{
	int stop = stop_kernel(mirror, entry, &before->copy);
	int rc = ctl_mirror_read_sa(mirror, &before->id, now);

	/* Whatever was answered: it is what it is read to be. */
	if (rc == 0 && !now->copy.spent && stop != 0)
		return ctl_refuse(err, stop, 0, "the kernel's copy cannot be stopped: %s", strerror(-stop));
	if (rc == 0 && !now->copy.spent)
		return ctl_refuse(err, -EIO, 0,
				  "the kernel does not give up its sequence: it could send under the SA too");
	if (rc == 0)
		rc = start_above(mirror, entry, before, now, err);
	else if (rc != -ESRCH)
		rc = ctl_refuse(err, -EKEYREVOKED, 0,
				"the kernel's copy cannot be read after it was to stop: its last number is unknown");
	if (rc == 0 || stop == -ESRCH)
		return rc;
	sadb_sa_spend(mirror->config.db, &before->id.key);
	mirror->changed = true;
	return rc == -ESRCH || rc == -EOVERFLOW ? rc : -EKEYREVOKED;
}

int
ctl_mirror_take_over(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg,
		     struct sadb_error *err)
{
	bool ours = last_in_database(mirror->config.db, &msg->id.key) > 0;
	struct ctl_mirror_sa_msg now = {0};
	int rc = stop_and_start(mirror, entry, msg, &now, err);

	if (rc == 0 && ours && now.copy.packets > 0)
		rc = ctl_refuse(
		    err, -EKEYREVOKED, 0,
		    "the kernel sent %llu packets under it, and its key had been used here before: it must not "
		    "be used",
		    (unsigned long long)now.copy.packets);
	if (rc == 0)
		entry->copy = now.copy;
	sadb_wipe(&now, sizeof(now));
	return rc;
}

int
ctl_mirror_take_back(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg,
		     struct sadb_error *err)
{
	uint64_t told = entry->copy.packets + entry->told_packets;
	struct ctl_mirror_sa_msg now = {0};
	int rc = stop_and_start(mirror, entry, msg, &now, err);

	/* The count was last written by Culvert: a higher one means that the kernel has sent since. */
	if (rc == 0 && msg->copy.packets > told)
		rc = ctl_refuse(err, -EKEYREVOKED, 0,
				"the kernel was let send under it again, %llu packets: the key must not be used",
				(unsigned long long)(msg->copy.packets - told));
	sadb_wipe(&now, sizeof(now));
	return rc;
}

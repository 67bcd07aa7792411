/* SPDX-License-Identifier: BSD-3-Clause
 * The exchange of keys between two gateways: our own offer, the peer's, and what happens when they cross. Control thread.
 *
 * What may go wrong, and why no packet is lost by it:
 * - The answer is lost. We offer the same again; the peer, who seals with our key already, gives the same answer. Should it
 *   refuse, because it began anew say, a new offer is made after some tries.
 * - Both offer at once, and both offers are on their way: the one with the higher generation goes first, or of equal ones
 *   the higher nonce. Its sender refuses the other's; the other's sender takes it and lets its own go. An offer that waits
 *   (by hand, or to be tried again) gives way to the peer's whatever its number: it may be the only one that gets through.
 *   Should both have been taken all the same, each side seals for an inbound SA that the other still has.
 * - An offer comes a second time, from an old file or from who recorded it. Its generation is not above ours, or its key
 *   was used here before, which the store of sequence marks remembers beyond a restart.
 * - One gateway begins anew: its messages come from another instance, whose generation need not be above the old one's. It
 *   takes the other's count from the answer. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/attr.h"
#include "control/key_custody.h"
#include "control/log.h"
#include "control/tunnel_impl.h"

#define RETRY_MAX_S UINT64_C(60)
#define OFFER_TRIES 4 /* with one offer: the peer may have reason to refuse it for good */

/* ---- our own offer ---- */
void
ctl_tunnel_pending_close(struct ctl_tunnel *tunnel)
{
	struct ctl_tunnel_pending *pending = &tunnel->pending;

	if (pending->running != NULL)
		tunnel->set->keying->cancel(pending->running);
	sadb_wipe(pending, sizeof(*pending));
}

static int
pending_open(struct ctl_tunnel *tunnel, struct sadb_error *err)
{
	struct ctl_tunnel_pending *pending = &tunnel->pending;
	struct ctl_offer offer;
	int rc;

	ctl_tunnel_message_begin(tunnel, &offer);
	/* Above every earlier offer too: the peer may have taken one of them. */
	offer.generation = (tunnel->offered > tunnel->generation ? tunnel->offered : tunnel->generation) + 1;
	rc = ctl_tunnel_random(offer.nonce, sizeof(offer.nonce)) ? 0 : -EIO;
	if (rc != 0)
		return ctl_refuse(err, rc, 0, "no random number can be had");
	rc = ctl_tunnel_in_make(tunnel, &offer, err);
	if (rc == 0) {
		rc = sadb_commit(tunnel->set->db, err);
		if (rc != 0)
			ctl_tunnel_in_drop(tunnel, rte_cpu_to_be_32(offer.spi));
	}
	if (rc == 0) {
		pending->open = true;
		pending->generation = tunnel->offered = offer.generation;
		memcpy(pending->nonce, offer.nonce, sizeof(pending->nonce));
		pending->spi_be = rte_cpu_to_be_32(offer.spi);
		pending->lapse_ns = tunnel->set->now_ns() + CTL_TUNNEL_OFFER_S * CTL_NS_PER_S;
		pending->bytes = ctl_offer_encode(&offer, pending->text);
	}
	sadb_wipe(&offer, sizeof(offer));
	return rc;
}

void
ctl_tunnel_failed(struct ctl_tunnel *tunnel, const char *why)
{
	uint64_t wait_s = tunnel->tries < 6 ? UINT64_C(1) << tunnel->tries : RETRY_MAX_S;
	uint16_t random = 0;

	tunnel->tries++;
	tunnel->failures++;
	if (tunnel->tries % OFFER_TRIES == 0)
		ctl_tunnel_pending_close(tunnel);
	tunnel->wanted = true;
	ctl_tunnel_random(&random, sizeof(random)); /* of two that try at once, one comes first next time */
	tunnel->retry_ns = tunnel->set->now_ns() + wait_s * CTL_NS_PER_S + random * (CTL_NS_PER_S / 2 / UINT16_MAX);
	snprintf(tunnel->error, sizeof(tunnel->error), "%s", why);
	ctl_log(CTL_LOG_WARNING, "tunnel %s: no exchange of keys: %s; next try in %" PRIu64 " s%s", tunnel->config.name,
		why, wait_s, tunnel->out_spi_be != 0 ? "; the keys in use stay until their hard limit" : "");
	ctl_tunnel_tell(tunnel, "tunnel-failed", why);
}

/* The peer's last word is taken: both directions have their new SAs. */
static void
succeeded(struct ctl_tunnel *tunnel, uint64_t generation)
{
	const bool first = tunnel->generation == 0;

	tunnel->generation = generation;
	tunnel->exchanges++;
	tunnel->tries = 0;
	tunnel->wanted = false;
	tunnel->retry_ns = 0;
	tunnel->error[0] = 0;
	ctl_log(CTL_LOG_INFO, "tunnel %s: generation %" PRIu64 ": out SPI 0x%08x", tunnel->config.name, generation,
		rte_be_to_cpu_32(tunnel->out_spi_be));
	ctl_tunnel_tell(tunnel, first ? "tunnel-up" : "tunnel-rekeyed", "");
}

static int take(struct ctl_tunnel *tunnel, const struct ctl_keying_text *text, char *out, struct sadb_error *err);

static void
on_done(void *arg, int rc, const struct ctl_keying_text *answer, const char *why)
{
	struct ctl_tunnel *tunnel = arg;
	struct sadb_error err = {.text = ""};

	tunnel->pending.running = NULL;
	if (rc != 0)
		ctl_tunnel_failed(tunnel, why);
	else if (take(tunnel, answer, NULL, &err) != 0)
		ctl_tunnel_failed(tunnel, err.text);
}

void
ctl_tunnel_exchange(struct ctl_tunnel *tunnel)
{
	const struct ctl_keying *keying = tunnel->set->keying;
	struct ctl_tunnel_pending *pending = &tunnel->pending;
	struct sadb_error err = {.text = ""};
	int rc;

	tunnel->wanted = false;
	if (!pending->open && pending_open(tunnel, &err) != 0) {
		ctl_tunnel_failed(tunnel, err.text);
		return;
	}
	const struct ctl_keying_request request = {.tunnel = tunnel->config.name,
						   .route = tunnel->config.exchange,
						   .offer = {pending->text, pending->bytes},
						   .done = on_done,
						   .arg = tunnel};
	rc = keying->start(keying->backend, &request, &pending->running, &err);
	if (rc == -EAGAIN)
		tunnel->wanted = true;
	else if (rc != 0)
		ctl_tunnel_failed(tunnel, err.text);
}

int
ctl_tunnel_rekey(struct ctl_tunnels *tunnels, const char *name, struct sadb_error *err)
{
	struct ctl_tunnel *tunnel = ctl_tunnel_find(tunnels, name, err);

	if (tunnel == NULL)
		return -ENOENT;
	if (tunnel->config.exchange[0] == 0)
		return ctl_refuse(err, -ENOTSUP, 0,
				  "tunnel %s has no exchange command: begin by hand with 'culvert tunnel offer %s', "
				  "then accept there and here",
				  name, name);
	if (tunnel->pending.running != NULL)
		return ctl_refuse(err, -EALREADY, 0, "tunnel %s: an exchange is under way", name);
	tunnel->wanted = true;
	tunnel->retry_ns = 0;
	return 0;
}

int
ctl_tunnel_offer(struct ctl_tunnels *tunnels, const char *name, bool fresh, char out[CTL_OFFER_BYTES],
		 struct sadb_error *err)
{
	struct ctl_tunnel *tunnel = ctl_tunnel_find(tunnels, name, err);
	int rc;

	if (tunnel == NULL)
		return -ENOENT;
	if (fresh)
		ctl_tunnel_pending_close(tunnel);
	rc = tunnel->pending.open ? 0 : pending_open(tunnel, err);
	if (rc != 0)
		return rc;
	memcpy(out, tunnel->pending.text, tunnel->pending.bytes);
	return (int)tunnel->pending.bytes;
}

/* ---- an answer ---- */

/* The peer's tunnel is this one from now on. */
static void
note_instance(struct ctl_tunnel *tunnel, const struct ctl_offer *message)
{
	struct ctl_tunnel_taken *taken = &tunnel->taken;

	if (taken->n_instances > 0 && memcmp(taken->instance[0], message->instance, sizeof(message->instance)) == 0)
		return;
	memmove(taken->instance[1], taken->instance[0], sizeof(taken->instance) - sizeof(taken->instance[0]));
	memcpy(taken->instance[0], message->instance, sizeof(message->instance));
	taken->n_instances += taken->n_instances < CTL_TUNNEL_PEERS;
}

static int
take_answer(struct ctl_tunnel *tunnel, const struct ctl_offer *answer, struct sadb_error *err)
{
	struct ctl_tunnel_pending *pending = &tunnel->pending;
	const rte_be32_t in_spi_be = pending->spi_be;
	int rc;

	if (!pending->open || memcmp(pending->nonce, answer->nonce, sizeof(pending->nonce)) != 0 ||
	    answer->generation < pending->generation)
		return ctl_refuse(
		    err, -ESTALE, 0,
		    "no offer of tunnel %s waits for this answer: it was answered before, replaced by the "
		    "peer's, or it lapsed; begin with a new offer",
		    tunnel->config.name);
	rc = ctl_tunnel_out_make(tunnel, answer, err);
	if (rc == 0)
		rc = sadb_commit(tunnel->set->db, err);
	if (rc != 0)
		return rc;
	ctl_tunnel_out_switch(tunnel, rte_cpu_to_be_32(answer->spi));
	ctl_tunnel_pending_close(tunnel);
	/* The peer switched before it answered. */
	ctl_tunnel_in_known(tunnel, in_spi_be);
	tunnel->taken.offer = false;
	ctl_tunnel_answer_wipe(tunnel);
	note_instance(tunnel, answer);
	succeeded(tunnel, answer->generation);
	return 0;
}

/* ---- an offer ---- */

/* The one that we took last, again: the peer has not got our answer. */
static bool
is_repeated(const struct ctl_tunnel *tunnel, const struct ctl_offer *offer, const uint8_t key_id[SADB_KEY_ID_BYTES])
{
	const struct ctl_tunnel_taken *taken = &tunnel->taken;

	return taken->bytes > 0 && ctl_tunnel_in_sa(tunnel, taken->answered_spi_be) != NULL &&
	       tunnel->out_spi_be == rte_cpu_to_be_32(offer->spi) && ctl_tunnel_out_sa(tunnel) != NULL &&
	       memcmp(taken->nonce, offer->nonce, sizeof(taken->nonce)) == 0 &&
	       memcmp(taken->key_id, key_id, SADB_KEY_ID_BYTES) == 0;
}

void
ctl_tunnel_answer_wipe(struct ctl_tunnel *tunnel)
{
	tunnel->taken.bytes = 0;
	sadb_wipe(tunnel->taken.answer, sizeof(tunnel->taken.answer));
}

static bool
ours_goes_first(const struct ctl_tunnel_pending *pending, const struct ctl_offer *offer)
{
	if (pending->generation != offer->generation)
		return pending->generation > offer->generation;
	return memcmp(pending->nonce, offer->nonce, sizeof(pending->nonce)) > 0;
}

static bool
is_instance(const struct ctl_tunnel *tunnel, unsigned i, const struct ctl_offer *message)
{
	return i < tunnel->taken.n_instances &&
	       memcmp(tunnel->taken.instance[i], message->instance, sizeof(message->instance)) == 0;
}

static bool
is_past_instance(const struct ctl_tunnel *tunnel, const struct ctl_offer *message)
{
	unsigned i = 1;

	while (i < tunnel->taken.n_instances && !is_instance(tunnel, i, message))
		i++;
	return i < tunnel->taken.n_instances;
}

static int
check_news(const struct ctl_tunnel *tunnel, const struct ctl_offer *offer, struct sadb_error *err)
{
	const struct ctl_tunnel_pending *pending = &tunnel->pending;

	if (tunnel->taken.offer && memcmp(tunnel->taken.nonce, offer->nonce, sizeof(offer->nonce)) == 0)
		return ctl_refuse(err, -ESTALE, 0,
				  "this offer was taken before: ask the peer for a new one (tunnel offer NAME new)");
	if (is_past_instance(tunnel, offer))
		return ctl_refuse(
		    err, -ESTALE, 0,
		    "this offer is from before the peer's tunnel %s began anew: ask the peer for a new offer",
		    tunnel->config.name);
	if (is_instance(tunnel, 0, offer) && offer->generation <= tunnel->generation)
		return ctl_refuse(err, -ESTALE, 0,
				  "generation %" PRIu64 " of tunnel %s is an old one, here it is at %" PRIu64
				  ": ask the peer for a new offer",
				  offer->generation, tunnel->config.name, tunnel->generation);
	if (pending->running != NULL && ours_goes_first(pending, offer))
		return ctl_refuse(err, -EBUSY, 0,
				  "tunnel %s: the offers of both gateways crossed, and the one from here goes first",
				  tunnel->config.name);
	return 0;
}

/* The answer's inbound SA and the outbound SA: staged, then both committed or none. */
static int
install(struct ctl_tunnel *tunnel, const struct ctl_offer *offer, struct ctl_offer *answer, struct sadb_error *err)
{
	int rc = ctl_tunnel_in_make(tunnel, answer, err);

	if (rc != 0)
		return rc;
	rc = ctl_tunnel_out_make(tunnel, offer, err);
	if (rc == 0)
		rc = sadb_commit(tunnel->set->db, err);
	if (rc == 0)
		return 0;
	ctl_tunnel_in_drop(tunnel, rte_cpu_to_be_32(answer->spi));
	return rc;
}

static void
note_offer(struct ctl_tunnel *tunnel, const struct ctl_offer *offer, const uint8_t key_id[SADB_KEY_ID_BYTES],
	   const struct ctl_offer *answer)
{
	struct ctl_tunnel_taken *taken = &tunnel->taken;

	taken->offer = true;
	memcpy(taken->nonce, offer->nonce, sizeof(taken->nonce));
	memcpy(taken->key_id, key_id, SADB_KEY_ID_BYTES);
	taken->answered_spi_be = rte_cpu_to_be_32(answer->spi);
	taken->bytes = ctl_offer_encode(answer, taken->answer);
	note_instance(tunnel, offer);
}

static int
take_offer(struct ctl_tunnel *tunnel, const struct ctl_offer *offer, struct sadb_error *err)
{
	uint8_t key_id[SADB_KEY_ID_BYTES];
	struct ctl_offer answer;
	int rc = ctl_key_id(offer->key, offer->key_bytes, offer->salt, key_id);

	if (rc != 0)
		return ctl_refuse(err, rc, 0, "the offered key cannot be hashed");
	if (is_repeated(tunnel, offer, key_id))
		return 0;
	rc = check_news(tunnel, offer, err);
	if (rc != 0)
		return rc;
	ctl_tunnel_message_begin(tunnel, &answer);
	answer.answer = true;
	memcpy(answer.nonce, offer->nonce, sizeof(answer.nonce));
	answer.generation = offer->generation > tunnel->generation ? offer->generation : tunnel->generation + 1;
	rc = install(tunnel, offer, &answer, err);
	if (rc == 0) {
		ctl_tunnel_pending_close(tunnel);
		ctl_tunnel_out_switch(tunnel, rte_cpu_to_be_32(offer->spi));
		note_offer(tunnel, offer, key_id, &answer);
		succeeded(tunnel, answer.generation);
	}
	sadb_wipe(&answer, sizeof(answer));
	return rc;
}

/* The length of the answer in out, 0, or -errno. Without out (CTL_OFFER_BYTES), only an answer is taken. */
static int
take(struct ctl_tunnel *tunnel, const struct ctl_keying_text *text, char *out, struct sadb_error *err)
{
	struct ctl_offer message;
	int rc = ctl_offer_decode(text, &message, err);

	if (rc == 0)
		rc = ctl_tunnel_fits(tunnel, &message, err);
	if (rc == 0 && message.answer) {
		rc = take_answer(tunnel, &message, err);
	} else if (rc == 0 && out == NULL) {
		rc = ctl_refuse(err, -EINVAL, 0, "an offer came back, where the peer's answer is awaited");
	} else if (rc == 0) {
		rc = take_offer(tunnel, &message, err);
		if (rc == 0) {
			rc = (int)tunnel->taken.bytes;
			memcpy(out, tunnel->taken.answer, tunnel->taken.bytes);
		}
	}
	sadb_wipe(&message, sizeof(message));
	return rc;
}

int
ctl_tunnel_accept(struct ctl_tunnels *tunnels, const char *name, const struct ctl_keying_text *text,
		  char out[CTL_OFFER_BYTES], struct sadb_error *err)
{
	struct ctl_tunnel *tunnel = ctl_tunnel_find(tunnels, name, err);

	return tunnel != NULL ? take(tunnel, text, out, err) : -ENOENT;
}

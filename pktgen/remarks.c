/* SPDX-License-Identifier: BSD-3-Clause
 * What a reader of a result must know besides the figures. Main thread. */
#include "pktgen/report.h"

#include <inttypes.h>
#include <stdarg.h>

struct remarks {
	char (*text)[PG_REMARK_BYTES];
	unsigned n;
};

static void __attribute__((format(printf, 2, 3))) remark(struct remarks *remarks, const char *format, ...)
{
	va_list args;
	if (remarks->n == PG_REMARKS_MAX)
		return;
	va_start(args, format);
	vsnprintf(remarks->text[remarks->n++], PG_REMARK_BYTES, format, args);
	va_end(args);
}

unsigned
pg_remarks(const struct pg_result *result, char out[PG_REMARKS_MAX][PG_REMARK_BYTES])
{
	struct remarks remarks = {.text = out};

	if (result->interrupted)
		remark(&remarks, "interrupted after %.3f s of sending: this is the result so far", result->seconds);
	if (!pg_result_rate_kept(result))
		remark(
		    &remarks,
		    "the generator could not keep the asked rate: it sent %.2f %% of it, and loss is at the rate sent",
		    result->kept * 100);
	if (result->rx_missed + result->rx_no_buffers > 0)
		remark(&remarks,
		       "the generator's own receive port missed %" PRIu64 " frames: as many of the lost may not "
		       "be the device's doing",
		       result->rx_missed + result->rx_no_buffers);
	if (result->judgement.all.lost > 0 && result->rx_saturated)
		remark(&remarks,
		       "the receiver was busy all the time: it may be slower than the device, and what is lost may be "
		       "the generator's own doing");
	else if (result->judgement.all.lost > 0 && result->rx_overrun > 0)
		remark(&remarks,
		       "the receiver was kept from its port for up to %.1f ms, in which some %" PRIu64
		       " frames came: as many of the lost may not be the device's doing",
		       (double)result->rx_away_longest_ns / 1e6, result->rx_overrun);
	if (result->rx_away >= PG_AWAY_HARMLESS)
		remark(
		    &remarks,
		    "the receiver came late to its port for %.1f %% of the time, by up to %.1f ms: latency has that in "
		    "it; give it a CPU of its own (cpus)",
		    result->rx_away * 100, (double)result->rx_away_longest_ns / 1e6);
	if (result->tx_errors > 0)
		remark(&remarks,
		       "the generator's own transmit port dropped %" PRIu64
		       " frames it had taken: they count as lost, but the device never saw them",
		       result->tx_errors);
	if (result->tx_no_buffers > 0)
		remark(&remarks,
		       "the transmitter was short of buffers %" PRIu64 " times: the device holds them too long",
		       result->tx_no_buffers);
	if (result->judgement.all.too_late > 0)
		remark(&remarks,
		       "%" PRIu64 " frames came more than %u behind the newest of their flow: too late to tell "
		       "from duplicates, so they count as lost",
		       result->judgement.all.too_late, result->window);
	if (result->learning.reached < result->learning.destinations)
		remark(&remarks,
		       "no learning frame came through to %" PRIu32 " of %" PRIu32
		       " destinations: their frames may be lost at any rate",
		       result->learning.destinations - result->learning.reached, result->learning.destinations);
	if (result->judgement.all.sent == 0)
		remark(&remarks, "nothing was sent: %s",
		       result->asked_pps > 0 ? "the rate has less than one frame for the whole duration, or the port "
					       "took none"
					     : "the port took no frame");
	if (result->icmp > 0)
		remark(&remarks, "%" PRIu64 " ICMP messages came back to the transmitter: the path says why it drops",
		       result->icmp);
	return remarks.n;
}

const char *
pg_search_end_name(enum pg_search_end end)
{
	static const char *const names[] = {
	    [PG_SEARCH_FOUND] = "found",
	    [PG_SEARCH_AT_MAX] = "at-max",
	    [PG_SEARCH_GENERATOR] = "generator-limited",
	    [PG_SEARCH_NONE] = "none",
	    [PG_SEARCH_INTERRUPTED] = "interrupted",
	    [PG_SEARCH_UNSTEADY] = "unsteady",
	};
	return names[end];
}

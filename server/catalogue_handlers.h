#ifndef TALLYMARK_SERVER_CATALOGUE_HANDLERS_H_
#define TALLYMARK_SERVER_CATALOGUE_HANDLERS_H_

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// The catalogue of ads and what is asked by campaign or advertiser (SPEC sections 9 and 10), see
// openapi.yaml. They may read and write the disk.
HttpAnswer AnswerPutAd(const Services& services, HttpRequest& request);     // PUT /v1/ads/{ad_id}
HttpAnswer AnswerGetAd(const Services& services, HttpRequest& request);     // GET
HttpAnswer AnswerDeleteAd(const Services& services, HttpRequest& request);  // DELETE
HttpAnswer AnswerTopBanners(const Services& services, HttpRequest& request);
HttpAnswer AnswerCampaignMetrics(const Services& services, HttpRequest& request);
HttpAnswer AnswerAdvertiserMetrics(const Services& services, HttpRequest& request);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_CATALOGUE_HANDLERS_H_

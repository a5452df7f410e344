//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package slametrics is a connector that judges orders: it follows each through the stages of a flow by its spans and
// logs, decides every transition on a watermark of event time, and counts the requests of services on the way.
//
// It does not store traces, sample, or name an order in any metric but order.problem.
//
//	connectors:
//	  sla_metrics:
//	    flows:
//	      order:
//	        stages:
//	          submitted: {service: shop-api, attributes: {order.status: SUBMITTED}}
//	          priced:    {service: mes-api,  attributes: {order.status: PRICE_CALCULATED}}
//	        transitions:
//	          - {from: submitted, to: priced, deadline: 10m, lost_after: 24h}
package slametrics

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package heartbeat is a receiver that sends one span at each interval into its pipeline: the agent's sign of life,
// behind the data that the agent still holds. It lets sla_metrics tell an idle agent from one that is cut off.
//
// It receives nothing and opens no socket.
//
//	receivers:
//	  heartbeat:
//	    agent_id: shop-1
package heartbeat

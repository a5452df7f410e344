package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// RabbitMQ is a broker of Debian's package, with user guest, its Prometheus plugin and a port mapper of its own.
type RabbitMQ struct {
	*Process
	URL     string // amqp://…
	Metrics string // host:port of rabbitmq_prometheus

	mapper *Process
}

// RabbitMQOptions choose the ports; 0 is any.
type RabbitMQOptions struct{ Port, MetricsPort int }

const rabbitUser = "rabbitmq"

// RabbitMQ starts a broker and waits until it takes connections.
func (s *Site) RabbitMQ(ctx context.Context, o RabbitMQOptions) (*RabbitMQ, error) {
	server, found := firstExecutable("/usr/lib/rabbitmq/bin/rabbitmq-server")
	epmd, hasMapper := firstExecutable("/usr/bin/epmd", "/usr/lib/erlang/bin/epmd")
	if !found || !hasMapper {
		return nil, errors.New("RabbitMQ is not installed: run tools/backends.sh as root, or apt-get install rabbitmq-server")
	}
	return onPorts([]int{o.Port, o.MetricsPort, 0, 0}, func(ports []int) (*RabbitMQ, error) {
		mapper, err := s.portMapper(ctx, epmd, ports[3])
		if err != nil {
			return nil, err
		}
		r, err := s.rabbitOn(ctx, server, ports)
		if err != nil {
			return nil, errors.Join(err, mapper.Stop())
		}
		r.mapper = mapper
		return r, nil
	})
}

// Stop ends the broker and then its port mapper.
func (r *RabbitMQ) Stop() error { return errors.Join(r.Process.Stop(), r.mapper.Stop()) }

// portMapper runs Erlang's epmd as a child of ours: the one that a broker starts by itself would stay for ever.
func (s *Site) portMapper(ctx context.Context, epmd string, port int) (*Process, error) {
	p, err := s.Run(Command{
		Name: "epmd", Path: epmd, User: rabbitUser,
		Args: []string{"-address", "127.0.0.1", "-port", fmt.Sprint(port)},
	})
	if err != nil {
		return nil, err
	}
	return p, p.WaitReady(ctx, listens(loopback(port)))
}

func (s *Site) rabbitOn(ctx context.Context, server string, ports []int) (*RabbitMQ, error) {
	dir, err := s.folder(fmt.Sprintf("rabbitmq-%d", ports[0]), rabbitUser)
	if err != nil {
		return nil, err
	}
	conf, err1 := s.write(filepath.Base(dir)+".conf", fmt.Sprintf(
		"listeners.tcp.1 = 127.0.0.1:%d\nprometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = %d\n"+
			"loopback_users = none\nvm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 50MB\n", ports[0], ports[1]))
	plugins, err2 := s.write(filepath.Base(dir)+".plugins", "[rabbitmq_prometheus].\n")
	advanced, err3 := s.write(filepath.Base(dir)+".advanced",
		"[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	p, err := s.Run(Command{
		Name: "rabbitmq", Path: server, Dir: dir, User: rabbitUser, Grace: 30 * time.Second,
		Env: []string{
			"HOME=" + dir, // the Erlang cookie is made here
			fmt.Sprintf("RABBITMQ_NODENAME=ordertrace%d@localhost", ports[0]),
			fmt.Sprintf("RABBITMQ_NODE_PORT=%d", ports[0]), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[2]),
			"RABBITMQ_MNESIA_BASE=" + filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE=" + filepath.Join(dir, "log"),
			"RABBITMQ_LOGS=-", "RABBITMQ_CONFIG_FILE=" + conf, "RABBITMQ_ADVANCED_CONFIG_FILE=" + advanced,
			"RABBITMQ_ENABLED_PLUGINS_FILE=" + plugins,
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1", // one scheduler: it shares the machine
			fmt.Sprintf("ERL_EPMD_PORT=%d", ports[3]), "ERL_EPMD_ADDRESS=127.0.0.1",
			"RUNNING_UNDER_SYSTEMD=1", // the start script becomes the server, so signals reach it
		},
	})
	if err != nil {
		return nil, err
	}
	r := &RabbitMQ{Process: p, URL: fmt.Sprintf("amqp://guest:guest@%s/", loopback(ports[0])), Metrics: loopback(ports[1])}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := p.WaitReady(ctx, r.ping); err != nil {
		return nil, errors.Join(err, p.Stop(), os.RemoveAll(dir))
	}
	return r, nil
}

func (r *RabbitMQ) ping(ctx context.Context) error {
	conn, err := amqp.DialConfig(r.URL, amqp.Config{Dial: amqp.DefaultDial(time.Second)})
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	return Answers("http://" + r.Metrics + "/metrics")(ctx)
}

// A vCenter to test against: govmomi's simulator, which says in one line of JSON where it serves, pages its
// answers as a real one does, can be told to refuse, delay or cut a method, and ends when its stdin closes.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var (
	port        = flag.Int("port", 0, "port on 127.0.0.1; 0 takes a free one")
	user        = flag.String("user", "administrator@vsphere.local", "the only user")
	password    = flag.String("password", "", "the only password")
	vms         = flag.Int("vms", 10, "VMs in each datacenter")
	hosts       = flag.Int("hosts", 2, "hosts in each datacenter")
	datacenters = flag.Int("datacenters", 1, "datacenters DC0, DC1, ...")
	orphans     = flag.Int("orphans", 0, "the first N VMs are orphaned and have no configuration")
	hidden      = flag.Int("hidden", 0, "the last N VMs may be seen, but not read")
	refuse      = flag.String("refuse", "", "methods answered with NoPermission, comma separated")
	delay       = flag.String("delay", "", "method=milliseconds, comma separated")
	scratch     = flag.String("scratch", "", "folder for the files of datastores, removed at the end")
	cut         = flag.String("cut", "", "a method whose answer breaks off half-way")
)

const refusal = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>
<faultcode>ServerFaultCode</faultcode><faultstring>Permission to perform this operation was denied.</faultstring><detail><NoPermissionFault
 xmlns="urn:vim25" xsi:type="NoPermission"><object type="Folder">group-d1</object><privilegeId>System.View</privilegeId></NoPermissionFault></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>`

var called = regexp.MustCompile(`<soapenv:Body>\s*<(\w+)`)

// moody stands before the simulator and spoils the methods that the flags name.
func moody(next http.Handler) http.Handler {
	delays := map[string]time.Duration{}
	for _, pair := range strings.Split(*delay, ",") {
		if method, ms, ok := strings.Cut(pair, "="); ok {
			n, err := strconv.Atoi(ms)
			check(err)
			delays[method] = time.Duration(n) * time.Millisecond
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		method := ""
		if found := called.FindSubmatch(body); found != nil {
			method = string(found[1])
		}
		time.Sleep(delays[method])
		switch {
		case method == "":
		case strings.Contains(","+*refuse+",", ","+method+","):
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, refusal)
			return
		case method == *cut:
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, refusal[:200])
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

// collector pages its answers, and withholds the properties of hidden VMs.
type collector struct {
	simulator.PropertyCollector
	rest map[string][]types.ObjectContent
}

var hiddenVMs = map[types.ManagedObjectReference]bool{}

func (c *collector) RetrievePropertiesEx(ctx *simulator.Context, r *types.RetrievePropertiesEx) soap.HasFault {
	answer := c.PropertyCollector.RetrievePropertiesEx(ctx, r).(*methods.RetrievePropertiesExBody)
	if answer.Res == nil {
		return answer
	}
	result := answer.Res.Returnval
	for i := range result.Objects {
		if hiddenVMs[result.Objects[i].Obj] {
			withhold(&result.Objects[i])
		}
	}
	result.Objects, result.Token = c.page(result.Objects, r.Options.MaxObjects)
	return answer
}

func withhold(o *types.ObjectContent) {
	seen := o.PropSet
	o.PropSet = nil
	for _, p := range seen {
		if p.Name == "name" {
			o.PropSet = append(o.PropSet, p)
			continue
		}
		denied := &types.NoPermission{Object: o.Obj, PrivilegeId: "System.Read"}
		o.MissingSet = append(o.MissingSet, types.MissingProperty{
			Path: p.Name, Fault: types.LocalizedMethodFault{Fault: denied, LocalizedMessage: "Permission denied"}})
	}
}

func (c *collector) page(objects []types.ObjectContent, max int32) ([]types.ObjectContent, string) {
	if max <= 0 || len(objects) <= int(max) {
		return objects, ""
	}
	if c.rest == nil {
		c.rest = map[string][]types.ObjectContent{}
	}
	token := fmt.Sprintf("%d/%s", max, uuid.NewString())
	c.rest[token] = objects[max:]
	return objects[:max], token
}

func (c *collector) ContinueRetrievePropertiesEx(ctx *simulator.Context, r *types.ContinueRetrievePropertiesEx) soap.HasFault {
	body := &methods.ContinueRetrievePropertiesExBody{}
	rest, ok := c.rest[r.Token]
	if !ok {
		body.Fault_ = simulator.Fault("", &types.InvalidProperty{Name: "token"})
		return body
	}
	delete(c.rest, r.Token)
	body.Res = &types.ContinueRetrievePropertiesExResponse{}
	max, _ := strconv.Atoi(strings.Split(r.Token, "/")[0])
	body.Res.Returnval.Objects, body.Res.Returnval.Token = c.page(rest, int32(max))
	return body
}

// individualise gives each VM its own UUIDs, network card and MAC, which the model shares between VMs.
func individualise(n int, vm *simulator.VirtualMachine) {
	vm.Config.InstanceUuid, vm.Config.Uuid = uuid.NewString(), uuid.NewString()
	for i, device := range vm.Config.Hardware.Device {
		if card, ok := device.(*types.VirtualE1000); ok {
			own := &types.VirtualVmxnet3{}
			own.VirtualEthernetCard = card.VirtualEthernetCard
			own.MacAddress = fmt.Sprintf("00:50:56:%02X:%02X:%02X", n>>16&0x3f, n>>8&0xff, n&0xff)
			vm.Config.Hardware.Device[i] = own
		}
	}
	if n < *orphans {
		vm.Config, vm.Runtime.ConnectionState = nil, types.VirtualMachineConnectionStateOrphaned
	}
	if n >= *vms**datacenters-*hidden {
		hiddenVMs[vm.Self] = true
	}
}

func inOrder(entities []mo.Entity) []mo.Entity {
	name := func(i int) string { return entities[i].Entity().Name }
	sort.Slice(entities, func(i, j int) bool {
		return len(name(i)) < len(name(j)) || len(name(i)) == len(name(j)) && name(i) < name(j)
	})
	return entities
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	flag.Parse()
	if *scratch != "" {
		check(os.Setenv("TMPDIR", *scratch))
		defer os.RemoveAll(*scratch)
	}
	model := simulator.VPX()
	model.Datacenter, model.Cluster, model.ClusterHost, model.Host, model.Machine = *datacenters, 1, *hosts, 0, *vms
	model.Portgroup = 2
	model.ServiceContent.About.InstanceUuid = uuid.NewString()
	check(model.Create())
	for n, vm := range inOrder(simulator.Map.All("VirtualMachine")) {
		individualise(n, vm.(*simulator.VirtualMachine))
	}
	pages := &collector{}
	pages.Self = model.ServiceContent.PropertyCollector
	simulator.Map.Put(pages)

	cert := certificate()
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	model.Service.Listen = &url.URL{Host: fmt.Sprintf("127.0.0.1:%d", *port), User: url.UserPassword(*user, *password)}
	server := model.Service.NewServer()
	server.Config.Handler = moody(server.Config.Handler)

	check(json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"port":        server.Listener.Addr().(*net.TCPAddr).Port,
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
	}))
	_, _ = io.Copy(io.Discard, os.Stdin)
	model.Remove()
}
